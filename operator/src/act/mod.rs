//! Carries out a plan's actions. Creates rest on names: what is there already and is ours is as good as made. Every write is
//! taken into the cache at once. Decides nothing: what the API server refuses goes back as an [`ActError`].

mod sides;

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, PostParams, Preconditions},
};
use onager_core::{
    Action, SideKind, Workload,
    intake::{Classes, CpuLimits},
    lifecycle::{driver_name, driver_pod_name},
    pod::binds,
    workload::PodSize,
};
use onager_crds::SparkApplication;
use tokio::time::timeout;

use crate::{
    build::{self, Site},
    cache::{SideRecord, facts},
    context::Context,
    desk::Seats,
    error::ActError,
    observe,
};

/// Executors of one application that are created at once.
const AT_ONCE: usize = 32;
/// Pods of all applications that are created at once: an API server refuses more than a few hundred requests of one client,
/// and each refusal costs its application a pause.
pub const CREATES: usize = 64;
/// For so long none of what is under way may be answered. A dead connection is only noticed by that: an answer may be lost,
/// never a decision, since a step is repeated on names and versions. All pods of a large gang may take longer.
pub const SILENCE: Duration = Duration::from_secs(60);

/// One application's writes.
pub struct Act<'a> {
    context: &'a Context,
    app: &'a Arc<SparkApplication>,
    namespace: String,
    seats: Seats,
    /// Read once for all of its pods, as what follows is.
    cpu_limits: OnceLock<CpuLimits>,
    classes: OnceLock<Classes>,
    workload: OnceLock<Workload>,
}

impl<'a> Act<'a> {
    /// For an application.
    pub fn new(context: &'a Context, app: &'a Arc<SparkApplication>) -> Self {
        let namespace = app.metadata.namespace.clone().unwrap_or_default();
        let seats = Seats::default();
        let (cpu_limits, classes, workload) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { context, app, namespace, seats, cpu_limits, classes, workload }
    }

    /// With the nodes that were found for pods that are to be made.
    pub fn seated(self, seats: Seats) -> Self {
        Self { seats, ..self }
    }

    /// Carries out all actions, in order; what is made one after the other is made at the same time, and so is what is deleted.
    ///
    /// # Errors
    /// The first that fails, once all have an answer, or none of them for [`SILENCE`]; what was done stays done.
    pub async fn all(&self, actions: &[Action]) -> Result<(), ActError> {
        for group in actions.chunk_by(|a, b| (makes_pod(a) && makes_pod(b)) || (deletes(a) && deletes(b))) {
            if group.iter().any(makes_pod) {
                // Executors are told its address.
                timeout(SILENCE, self.service()).await.map_err(|_| ActError::TooSlow)??;
            }
            let writes: Vec<_> = group.iter().map(|action| self.one(action)).collect();
            let mut answers = stream::iter(writes).buffer_unordered(AT_ONCE);
            let mut done = Ok(());
            while let Some(answer) = timeout(SILENCE, answers.next()).await.map_err(|_| ActError::TooSlow)? {
                done = done.and(answer);
            }
            done?;
        }
        Ok(())
    }

    async fn one(&self, action: &Action) -> Result<(), ActError> {
        match action {
            Action::CreateDriver { attempt } => self.create_driver(*attempt).await,
            Action::CreateExecutor { attempt, index } => self.create_executor(*attempt, *index).await,
            Action::TellExecutorLost { index, reason } => {
                self.tell_lost(*index, reason);
                Ok(())
            }
            Action::DeletePod { name, uid } => self.delete_pod(name, uid).await,
            Action::CreateSides => {
                self.create_sides().await;
                Ok(())
            }
            Action::DeleteSide { kind, name, uid } => self.delete_side(*kind, name, uid).await,
            Action::DeleteApplication => {
                let uid = self.app.metadata.uid.clone().unwrap_or_default();
                let apps: Api<SparkApplication> = self.api();
                gone(apps.delete(&self.app.name_any(), &exactly(&uid)).await.map(|_| ()))
            }
        }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.context.client.clone(), &self.namespace)
    }

    fn workload(&self) -> Result<&Workload, ActError> {
        if let Some(workload) = self.workload.get() {
            return Ok(workload);
        }
        let read = Workload::read(&self.app.spec).map_err(|refusal| ActError::Rejected(refusal.message))?;
        Ok(self.workload.get_or_init(|| read))
    }

    fn site(&self, pod: &PodSize) -> Site<'a> {
        let taken_ports =
            if pod.outline.host_network() { self.context.cache.pods().host_ports() } else { BTreeSet::new() };
        let classes = self.classes.get_or_init(|| observe::classes(&self.context.cache));
        let cpu_limits = self.cpu_limits.get_or_init(|| observe::cpu_limits(&self.context.cache, &self.namespace));
        let limit_cpu = cpu_limits.hold(classes.of(pod));
        Site { engine: &self.context.engine, limit_cpu, taken_ports, ui: &self.context.ui }
    }

    async fn create_driver(&self, attempt: u32) -> Result<(), ActError> {
        let workload = self.workload()?;
        let site = self.site(&workload.driver);
        let known_by = self.context.control.digest(self.app.metadata.uid.as_deref().unwrap_or_default());
        let mut pod = build::driver_pod(self.app, workload, (attempt, known_by), &site, &self.context.settings);
        self.bind(&mut pod, &workload.driver, self.seats.driver.as_ref());
        self.create_pod(&pod).await
    }

    async fn create_executor(&self, attempt: u32, index: u32) -> Result<(), ActError> {
        let workload = self.workload()?;
        let driver = self.service().await?;
        let site = self.site(&workload.executor);
        let mut pod =
            build::executor_pod(self.app, workload, (attempt, index), driver.ip.as_deref().unwrap_or_default(), &site);
        self.bind(&mut pod, &workload.executor, self.seats.executors.get(&index));
        self.create_pod(&pod).await
    }

    /// A pod whose node was found, and whose application leaves that to us, is made bound to it: one write, and nobody comes
    /// between.
    fn bind(&self, pod: &mut Pod, size: &PodSize, seat: Option<&String>) {
        if binds(&self.app.spec, &size.outline)
            && let Some(spec) = &mut pod.spec
        {
            spec.node_name = seat.cloned();
        }
    }

    async fn create_pod(&self, pod: &Pod) -> Result<(), ActError> {
        let api: Api<Pod> = self.api();
        let permit = self.context.creates.acquire().await;
        let answer = api.create(&PostParams::default(), pod).await;
        drop(permit);
        let made = match answer {
            Ok(made) => made,
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
                let there = api.get(&pod.name_any()).await?;
                // An own driver of an older attempt is one whose create was answered late: the one there is.
                let mine = facts::owner(&there.metadata).map(|owner| &owner.uid) == self.app.metadata.uid.as_ref();
                let same_role = there.labels().get(build::names::ROLE) == pod.labels().get(build::names::ROLE);
                if !(mine && same_role) {
                    return Err(ActError::NameInUse(pod.name_any()));
                }
                there
            }
            Err(error) => return Err(ActError::of_create(error)),
        };
        self.context.cache.pods().insert(&made);
        Ok(())
    }

    /// The driver's own Service, which is made if it is not there.
    async fn service(&self) -> Result<SideRecord, ActError> {
        let app = self.app.name_any();
        let name = driver_name(&app);
        let uid = self.app.metadata.uid.as_deref().unwrap_or_default();
        let mine = |record: &SideRecord| record.owner == uid && record.ip.is_some() && !record.deleting;
        let cached = self.context.cache.sides().get(&self.namespace, &app, SideKind::Service, &name).cloned();
        if let Some(service) = cached.filter(mine) {
            return Ok(service);
        }
        let services: Api<Service> = self.api();
        let service = match services.create(&PostParams::default(), &build::service(self.app)).await {
            Ok(service) => service,
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => services.get(&name).await?,
            Err(error) => return Err(ActError::of_create(error)),
        };
        let ip = service.spec.as_ref().and_then(|spec| spec.cluster_ip.clone());
        let (_, record) = SideRecord::read(SideKind::Service, &service.metadata, ip)
            .filter(|(_, record)| mine(record))
            .ok_or(ActError::NameInUse(name.clone()))?;
        self.context.cache.sides().insert(&self.namespace, &app, record.clone());
        Ok(record)
    }

    fn tell_lost(&self, index: u32, reason: &str) {
        let driver = self.context.cache.pods().control_of(&self.namespace, &driver_pod_name(self.app));
        if let Some(driver) = driver {
            let uid = self.app.metadata.uid.clone().unwrap_or_default();
            self.context.control.executor_lost(driver, &uid, index, reason.to_string());
        }
    }

    async fn delete_pod(&self, name: &str, uid: &str) -> Result<(), ActError> {
        let pods: Api<Pod> = self.api();
        gone(pods.delete(name, &exactly(uid)).await.map(|_| ()))?;
        self.context.cache.pods().mark_deleting(&self.namespace, name, uid);
        Ok(())
    }
}

fn makes_pod(action: &Action) -> bool {
    matches!(action, Action::CreateDriver { .. } | Action::CreateExecutor { .. })
}

fn deletes(action: &Action) -> bool {
    matches!(action, Action::DeletePod { .. } | Action::DeleteSide { .. })
}

/// Deletes the object with this UID, not another that took its name.
pub fn exactly(uid: &str) -> DeleteParams {
    DeleteParams::background().preconditions(Preconditions { uid: Some(uid.to_string()), resource_version: None })
}

/// Gone already, or another of its name there by now, is as good as deleted.
pub fn gone(answer: Result<(), kube::Error>) -> Result<(), ActError> {
    match answer {
        Err(kube::Error::Api(status)) if status.reason == "NotFound" || status.reason == "Conflict" => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(()),
    }
}
