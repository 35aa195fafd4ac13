//! How large a pod is: cores and memory as fields and Spark's defaults say, in the main container; then the whole pod by
//! Kubernetes' formula. CPU and memory of a template's main container do not count, as in Spark.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity};
use onager_crds::{PodFields, SparkApplicationSpec, parse_memory, parse_overhead};

use super::{Kind, Outline, ask};
use crate::{
    conf,
    node::PodAsk,
    quantity, requests,
    size::Size,
    workload::{Refusal, invalid},
};

/// `spark.driver.memory` and `spark.executor.memory` by default.
const DEFAULT_MEMORY: &str = "1g";
/// `spark.kubernetes.memoryOverheadFactor` for programs outside a JVM's heap is larger, but Spark's default is 0.1.
const OVERHEAD_FACTOR: f64 = 0.1;
/// Spark's least overhead, 384 MiB.
const LEAST_OVERHEAD: u64 = 384 << 20;

/// One kind of pod: what it asks for, what it may use at the most, and where it can go.
#[derive(Clone, Debug, PartialEq)]
pub struct PodSize {
    /// Tasks at once.
    pub cores: u32,
    /// Requests of the whole pod.
    pub request: Size,
    /// Limits of the whole pod; the main container's CPU limit is `coreLimit`, else its cores, and is only set where a quota
    /// asks for one.
    pub limit: Size,
    /// Requests of the main container.
    pub main_request: Size,
    /// Limits of the main container.
    pub main_limit: Size,
    /// Whether `coreLimit` was given.
    pub cpu_limited: bool,
    /// What it asks of its node beside room.
    pub ask: PodAsk,
    /// The pod as the user asks for it.
    pub outline: Outline,
}

impl PodSize {
    /// Reads what a kind of pod is.
    ///
    /// # Errors
    /// A [`Refusal`] that names the field.
    pub fn read(spec: &SparkApplicationSpec, kind: Kind) -> Result<Self, Refusal> {
        let fields = kind.fields(spec);
        let main = Main::read(spec, fields, kind.name())?;
        let mut outline = Outline::read(spec, kind)?;
        let given = outline.main.resources.get_or_insert_default();
        if let Some(gpu) = fields.gpu.as_ref().filter(|gpu| gpu.quantity > 0) {
            let amount = Quantity(gpu.quantity.to_string());
            given.requests.get_or_insert_default().remove(&gpu.name);
            given.limits.get_or_insert_default().insert(gpu.name.clone(), amount);
        }
        let mut whole = outline.whole();
        if let Some(container) = whole.containers.first_mut() {
            container.resources = Some(main.with(given_or(&outline), true));
        }
        let (request, _) = requests::requests(&whole);
        let (limit, _) = requests::limits(&whole);
        Ok(Self {
            cores: main.cores,
            request,
            limit,
            main_request: main.request,
            main_limit: main.limit,
            cpu_limited: main.cpu_limited,
            ask: ask::ask(&whole),
            outline,
        })
    }

    /// The main container's resources, with those that only the template or `gpu` names.
    pub fn main_resources(&self, limit_cpu: bool) -> ResourceRequirements {
        let main = Main {
            cores: self.cores,
            request: self.main_request,
            limit: self.main_limit,
            cpu_limited: self.cpu_limited,
        };
        main.with(given_or(&self.outline), limit_cpu)
    }
}

fn given_or(outline: &Outline) -> ResourceRequirements {
    outline.main.resources.clone().unwrap_or_default()
}

/// The main container's CPU and memory.
struct Main {
    cores: u32,
    request: Size,
    limit: Size,
    cpu_limited: bool,
}

impl Main {
    fn read(spec: &SparkApplicationSpec, pod: &PodFields, role: &str) -> Result<Self, Refusal> {
        let cores = u32::try_from(pod.cores.unwrap_or(1)).unwrap_or(0);
        if cores == 0 {
            return Err(invalid(format!("spec.{role}.cores must be at least 1")));
        }
        let memory = amount(role, "memory", pod.memory.as_deref().unwrap_or(DEFAULT_MEMORY))?;
        let overhead = match pod.memory_overhead.as_deref() {
            Some(text) => {
                parse_overhead(text).map_err(|error| invalid(format!("spec.{role}.memoryOverhead: {error}")))?
            }
            None => {
                let factor = conf::overhead_factor(spec, role)?.unwrap_or(OVERHEAD_FACTOR);
                ((memory as f64 * factor) as u64).max(LEAST_OVERHEAD)
            }
        };
        let request = memory.saturating_add(overhead);
        let limit = match pod.memory_limit.as_deref() {
            Some(text) => amount(role, "memoryLimit", text)?,
            None => request,
        };
        if limit < request {
            return Err(invalid(format!(
                "spec.{role}.memoryLimit is {}, less than memory and memoryOverhead together, {}",
                quantity::show_memory(limit),
                quantity::show_memory(request)
            )));
        }
        let cpu = match pod.core_request.as_deref() {
            Some(text) => millicores(role, "coreRequest", text)?,
            None => u64::from(cores) * 1000,
        };
        let cpu_limit = match pod.core_limit.as_deref() {
            Some(text) => millicores(role, "coreLimit", text)?,
            None => cpu.max(u64::from(cores) * 1000),
        };
        if cpu_limit < cpu {
            return Err(invalid(format!(
                "spec.{role}.coreLimit is {}, less than the CPU it requests, {}",
                quantity::show_cpu(cpu_limit),
                quantity::show_cpu(cpu)
            )));
        }
        Ok(Self {
            cores,
            request: Size::pod(cpu, request),
            limit: Size::pod(cpu_limit, limit),
            cpu_limited: pod.core_limit.is_some(),
        })
    }

    /// `given` with CPU and memory set.
    fn with(&self, mut given: ResourceRequirements, limit_cpu: bool) -> ResourceRequirements {
        let set = |amounts: &mut BTreeMap<String, Quantity>, size: Size, cpu: bool| {
            amounts.insert("memory".into(), Quantity(size.memory.to_string()));
            amounts.remove("cpu");
            if cpu {
                amounts.insert("cpu".into(), Quantity(format!("{}m", size.cpu)));
            }
        };
        set(given.requests.get_or_insert_default(), self.request, true);
        set(given.limits.get_or_insert_default(), self.limit, limit_cpu || self.cpu_limited);
        given
    }
}

fn amount(role: &str, field: &str, text: &str) -> Result<u64, Refusal> {
    parse_memory(text).map_err(|error| invalid(format!("spec.{role}.{field}: {error}")))
}

fn millicores(role: &str, field: &str, text: &str) -> Result<u64, Refusal> {
    quantity::milli(text).filter(|milli| (1..=1_024_000).contains(milli)).ok_or_else(|| {
        invalid(format!("spec.{role}.{field}: {text:?} is not an amount of CPU above zero, such as 500m or 2"))
    })
}
