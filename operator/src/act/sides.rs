//! Makes and deletes what stands beside an application's pods. What cannot be made is told and tried again later; it holds
//! nothing up and ends no run.

use std::fmt::Debug;

use futures::future::join_all;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{core::v1::Service, networking::v1::Ingress, policy::v1::PodDisruptionBudget},
};
use kube::{Api, Resource, ResourceExt, api::PostParams};
use onager_core::{Event, EventKind, SideKind};
use serde::{Serialize, de::DeserializeOwned};

use super::{Act, exactly, gone};
use crate::{
    build::{self, Side},
    cache::SideRecord,
    error::ActError,
    report,
};

impl Act<'_> {
    /// Makes what is not there.
    pub(super) async fn create_sides(&self) {
        let uid = self.app.metadata.uid.clone().unwrap_or_default();
        let all = build::sides(self.app, &self.context.ui);
        let refused: Vec<String> =
            join_all(all.iter().map(|side| self.create_side(side))).await.into_iter().filter_map(Result::err).collect();
        if refused.is_empty() {
            self.context.refusals.forget(&uid);
            return;
        }
        let message = format!("{}; the run goes on without", refused.join("; "));
        tracing::warn!(namespace = self.namespace, app = %self.app.name_any(), message, "will try again");
        if self.context.refusals.refused(&uid, &message) {
            let event = Event { kind: EventKind::Warning, reason: "SparkObjectRefused", message };
            report::tell(self.app, &[event], self.context).await;
        }
    }

    async fn create_side(&self, side: &Side) -> Result<(), String> {
        match side {
            Side::UiService(service) => {
                let ip = |made: &Service| made.spec.as_ref()?.cluster_ip.clone();
                self.create_one(SideKind::UiService, service.as_ref(), ip).await
            }
            Side::Ingress(ingress) => self.create_one(SideKind::Ingress, ingress.as_ref(), |_| None).await,
            Side::DisruptionBudget(budget) => {
                self.create_one(SideKind::DisruptionBudget, budget.as_ref(), |_| None).await
            }
        }
    }

    async fn create_one<K>(&self, kind: SideKind, object: &K, ip: impl Fn(&K) -> Option<String>) -> Result<(), String>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
    {
        let (app, name) = (self.app.name_any(), object.name_any());
        let uid = self.app.metadata.uid.as_deref().unwrap_or_default();
        let known = |record: &SideRecord| record.owner == uid && !record.deleting;
        if self.context.cache.sides().get(&self.namespace, &app, kind, &name).is_some_and(known) {
            return Ok(());
        }
        let api: Api<K> = self.api();
        let cannot = |why: String| format!("{} {name} cannot be made: {why}", K::kind(&()));
        let made = match api.create(&PostParams::default(), object).await {
            Ok(made) => made,
            // Made by one whose answer was lost, or it is somebody else's.
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
                api.get(&name).await.map_err(|error| cannot(error.to_string()))?
            }
            Err(kube::Error::Api(status)) => return Err(cannot(status.message.clone())),
            Err(error) => return Err(cannot(error.to_string())),
        };
        let read = SideRecord::read(kind, made.meta(), ip(&made));
        let (_, record) = read
            .filter(|(_, record)| record.owner == uid)
            .ok_or_else(|| cannot("there is one of that name that belongs to somebody else".into()))?;
        if record.deleting {
            return Err(cannot("the one before it is still being deleted".into()));
        }
        let mut sides = self.context.cache.sides();
        sides.insert(&self.namespace, &app, SideRecord { kind, ..record });
        // One without our labels was taken for gone.
        sides.get(&self.namespace, &app, kind, &name).map(|_| ()).ok_or_else(|| cannot("it has lost its labels".into()))
    }

    /// Deletes one, and no other that may have its name by now.
    pub(super) async fn delete_side(&self, kind: SideKind, name: &str, uid: &str) -> Result<(), ActError> {
        let options = exactly(uid);
        let answer = match kind {
            SideKind::Service | SideKind::UiService => self.api::<Service>().delete(name, &options).await.map(drop),
            SideKind::Ingress => self.api::<Ingress>().delete(name, &options).await.map(drop),
            SideKind::DisruptionBudget => self.api::<PodDisruptionBudget>().delete(name, &options).await.map(drop),
        };
        gone(answer)?;
        self.context.cache.sides().remove(&self.namespace, &self.app.name_any(), kind, name, uid);
        Ok(())
    }
}
