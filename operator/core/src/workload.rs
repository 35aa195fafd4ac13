//! From a spec to what is to be run, and how large: checks what the API server could not, fills in Spark's defaults, and
//! refuses what cannot run with a reason. Looks at the spec alone, never at the cluster.

use onager_contract::Program;
use onager_crds::{ApplicationType, SparkApplicationSpec};
use thiserror::Error;

pub use crate::pod::PodSize;
use crate::{allocation, conf, pod::Kind, size::Size};

/// The one main class of Spark's that runs, as a job of our own.
pub const SPARK_PI: &str = "org.apache.spark.examples.SparkPi";
/// Which part of the executors must be there before the driver begins; Spark's own key, here 1 by default.
const MINIMUM_RATIO: &str = "spark.scheduler.minRegisteredResourcesRatio";

/// Why a spec is not run. `reason` is one word for machines.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Refusal {
    /// `UnsupportedType` or `InvalidSpec`.
    pub reason: &'static str,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// What is to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// By the driver.
    pub program: Program,
    /// The binary in the image that is started; `None` means the engine's.
    pub binary: Option<String>,
    /// The driver's pod.
    pub driver: PodSize,
    /// Each executor's pod.
    pub executor: PodSize,
    /// How many executors; with dynamic allocation, at the start, as far as there is room.
    pub wanted: u32,
    /// With how many the driver begins.
    pub minimum: u32,
    /// How their number follows the work, where it does.
    pub allocation: Option<allocation::Rules>,
}

impl Workload {
    /// Reads a spec.
    ///
    /// # Errors
    /// A [`Refusal`] that names the field, or the type that is not supported.
    pub fn read(spec: &SparkApplicationSpec) -> Result<Self, Refusal> {
        let (program, binary) = program(spec)?;
        let spec = &*conf::filled(spec)?;
        let allocation = allocation::Rules::read(spec)?;
        let (wanted, minimum) = match &allocation {
            Some(rules) => (rules.initial, rules.minimum),
            None => fixed(spec)?,
        };
        Ok(Self {
            program,
            binary,
            driver: PodSize::read(spec, Kind::Driver)?,
            executor: PodSize::read(spec, Kind::Executor)?,
            wanted,
            minimum,
            allocation,
        })
    }

    /// How many executors it may come to have.
    pub fn maximum(&self) -> u32 {
        self.allocation.as_ref().map_or(self.wanted, |rules| rules.maximum)
    }

    /// Requests of the driver and its minimum of executors.
    pub fn gang(&self) -> Size {
        self.driver.request + self.executor.request * u64::from(self.minimum)
    }
}

pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal { reason: "InvalidSpec", message: message.into() }
}

fn program(spec: &SparkApplicationSpec) -> Result<(Program, Option<String>), Refusal> {
    let unsupported = |message: String| Refusal { reason: "UnsupportedType", message };
    let file = spec.main_application_file.as_deref();
    match spec.application_type {
        ApplicationType::Sql => {
            let script = file.ok_or_else(|| invalid("spec.mainApplicationFile is required: what is to be run?"))?;
            Ok((Program::Sql { script: script.to_string() }, None))
        }
        ApplicationType::Rust => {
            let path = file.and_then(|file| file.strip_prefix("local://")).filter(|path| path.starts_with('/'));
            let path = path.ok_or_else(|| {
                invalid("spec.mainApplicationFile of a Rust application must be a path in its image: local:///path")
            })?;
            Ok((Program::Rust, Some(path.to_string())))
        }
        ApplicationType::Scala | ApplicationType::Java => match spec.main_class.as_deref() {
            Some(SPARK_PI) => Ok((Program::Pi, None)),
            class => Err(unsupported(format!(
                "type {:?} needs a Java virtual machine, which Onager does not have: only the built-in main class {SPARK_PI} runs, not {}",
                spec.application_type,
                class.unwrap_or("one that is not named")
            ))),
        },
        ApplicationType::Python => {
            Err(unsupported("type Python is not supported yet: write the application as SQL or Rust".into()))
        }
        ApplicationType::R => Err(unsupported("type R is not supported: write the application as SQL or Rust".into())),
    }
}

/// How many executors are wanted where their number is fixed, and with how many of them the driver begins.
fn fixed(spec: &SparkApplicationSpec) -> Result<(u32, u32), Refusal> {
    let wanted = conf::executors(spec);
    if wanted == 0 {
        return Err(invalid("spec.executor.instances must be at least 1"));
    }
    Ok((wanted, minimum(spec, wanted)?))
}

fn minimum(spec: &SparkApplicationSpec, wanted: u32) -> Result<u32, Refusal> {
    let Some(text) = spec.spark_conf.get(MINIMUM_RATIO) else { return Ok(wanted) };
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(((f64::from(wanted) * ratio).ceil() as u32).clamp(1, wanted)),
        _ => Err(invalid(format!("spec.sparkConf[{MINIMUM_RATIO}] must be a number from 0 to 1, not {text:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use onager_crds::{DriverSpec, ExecutorSpec, PodFields};

    use super::*;

    fn sql() -> SparkApplicationSpec {
        serde_json::from_value(serde_json::json!({"type": "SQL", "mainApplicationFile": "local:///report.sql"}))
            .expect("spec")
    }

    fn refused(change: impl FnOnce(&mut SparkApplicationSpec)) -> Refusal {
        let mut spec = sql();
        change(&mut spec);
        Workload::read(&spec).expect_err("refused")
    }

    fn driver(change: impl FnOnce(&mut PodFields)) -> Refusal {
        refused(|spec| change(&mut spec.driver.pod))
    }

    #[test]
    fn defaults_are_those_of_spark() {
        let workload = Workload::read(&sql()).expect("workload");
        assert_eq!(workload.executor.request, Size::pod(1000, (1024 + 384) << 20));
        assert_eq!((workload.wanted, workload.minimum, workload.executor.cores), (1, 1, 1));
    }

    #[test]
    fn a_tenth_is_the_overhead_of_large_pods() {
        let mut spec = sql();
        spec.executor = ExecutorSpec {
            pod: PodFields { memory: Some("100g".into()), ..PodFields::default() },
            instances: Some(4),
            ..ExecutorSpec::default()
        };
        let workload = Workload::read(&spec).expect("workload");
        assert_eq!(workload.executor.request.memory >> 30, 110);
        spec.driver = DriverSpec::default();
        spec.spark_conf.insert(MINIMUM_RATIO.into(), "0.6".into());
        assert_eq!(Workload::read(&spec).expect("workload").minimum, 3);
    }

    #[test]
    fn with_dynamic_allocation_the_fewest_executors_are_the_gang() {
        let mut spec = sql();
        spec.dynamic_allocation = serde_json::from_value(serde_json::json!({
            "enabled": true, "initialExecutors": 3, "minExecutors": 0, "maxExecutors": 9,
        }))
        .expect("options");
        spec.executor.instances = Some(0);
        let workload = Workload::read(&spec).expect("workload");
        assert_eq!((workload.wanted, workload.minimum, workload.maximum()), (3, 0, 9));
        assert_eq!(workload.gang(), workload.driver.request);
    }

    #[test]
    fn each_refusal_names_the_field() {
        let potatoes = driver(|pod| pod.memory = Some("12potatoes".into()));
        assert_eq!(potatoes.reason, "InvalidSpec");
        assert!(potatoes.message.starts_with("spec.driver.memory: \"12potatoes\""), "{potatoes}");
        assert!(driver(|pod| pod.cores = Some(0)).message.contains("spec.driver.cores"));
        assert!(driver(|pod| pod.core_request = Some("0".into())).message.contains("spec.driver.coreRequest"));
        assert!(driver(|pod| pod.core_limit = Some("10m".into())).message.contains("less than the CPU"));
        assert!(driver(|pod| pod.memory_limit = Some("1m".into())).message.contains("spec.driver.memoryLimit"));
        assert!(refused(|spec| spec.executor.instances = Some(0)).message.contains("spec.executor.instances"));
        let ratio = refused(|spec| {
            spec.spark_conf.insert(MINIMUM_RATIO.into(), "2".into());
        });
        assert!(ratio.message.contains(MINIMUM_RATIO));
    }

    #[test]
    fn what_needs_a_virtual_machine_is_refused_but_for_spark_pi() {
        for kind in [ApplicationType::Scala, ApplicationType::Java, ApplicationType::Python, ApplicationType::R] {
            let refusal = refused(|spec| spec.application_type = kind);
            assert_eq!(refusal.reason, "UnsupportedType", "{kind:?}");
        }
        let mut pi = sql();
        pi.application_type = ApplicationType::Scala;
        pi.main_class = Some(SPARK_PI.into());
        assert_eq!(Workload::read(&pi).expect("workload").program, Program::Pi);
    }
}
