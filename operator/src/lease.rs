//! Leader election over a Lease (coordination.k8s.io): at most one operator leads. A leader that cannot renew in time ends
//! its process; since a lost lease does not fence, writes rest on names and resource versions all the same.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio::time::{Instant, sleep, timeout};

/// How long a lease holds without being renewed, client-go's default.
const DURATION: Duration = Duration::from_secs(15);
/// A leader that has not renewed for so long ends: before another may take over.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often it is renewed, or asked for.
const PERIOD: Duration = Duration::from_secs(2);

/// A lease, and who asks for it.
pub struct LeaderLease {
    api: Api<Lease>,
    name: String,
    identity: String,
}

impl LeaderLease {
    /// A lease in a namespace.
    pub fn new(client: Client, namespace: &str, name: &str, identity: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), name: name.into(), identity: identity.into() }
    }

    /// Waits until this process leads.
    pub async fn acquire(&self) {
        // Another's lease is judged by our own clock, from when we saw it change last.
        let mut seen: Option<(Option<MicroTime>, Instant)> = None;
        loop {
            match timeout(DEADLINE, self.try_acquire(&mut seen)).await {
                Ok(Ok(true)) => return,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "cannot ask for the lease"),
                Err(_) => tracing::warn!("the API server does not answer when asked for the lease"),
            }
            sleep(PERIOD).await;
        }
    }

    async fn try_acquire(&self, seen: &mut Option<(Option<MicroTime>, Instant)>) -> Result<bool, kube::Error> {
        let Some(lease) = self.api.get_opt(&self.name).await? else {
            return won(self.api.create(&PostParams::default(), &self.lease(None, 0)).await);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        if !holder.is_empty() && holder != self.identity {
            let fresh = seen.as_ref().is_none_or(|(renewed, _)| *renewed != spec.renew_time);
            if fresh {
                *seen = Some((spec.renew_time, Instant::now()));
            }
            let limit = Duration::from_secs(spec.lease_duration_seconds.unwrap_or(0).max(0).unsigned_abs().into());
            if seen.as_ref().is_some_and(|(_, since)| since.elapsed() <= limit) {
                return Ok(false);
            }
        }
        let mine = self.lease(lease.metadata.resource_version, spec.lease_transitions.unwrap_or(0) + 1);
        won(self.api.replace(&self.name, &PostParams::default(), &mine).await)
    }

    /// Renews the lease; returns when it is lost.
    pub async fn keep(&self) {
        let mut renewed = Instant::now();
        loop {
            sleep(PERIOD).await;
            let left = DEADLINE.saturating_sub(renewed.elapsed());
            // The lease may count from any moment after this one.
            let asked = Instant::now();
            match timeout(left, self.renew()).await {
                Ok(Ok(true)) => renewed = asked,
                Ok(Ok(false)) => return,
                Ok(Err(error)) => tracing::warn!(%error, "cannot renew the lease"),
                Err(_) => return,
            }
        }
    }

    async fn renew(&self) -> Result<bool, kube::Error> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else { return Ok(false) };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return Ok(false);
        }
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        won(self.api.replace(&self.name, &PostParams::default(), &lease).await)
    }

    /// Gives the lease back, so that the next leader need not wait.
    pub async fn release(&self) {
        if timeout(PERIOD, self.give_back()).await.is_err() {
            tracing::warn!("the API server does not answer; the next leader waits until the lease ends");
        }
    }

    async fn give_back(&self) {
        let Ok(Some(mut lease)) = self.api.get_opt(&self.name).await else { return };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() == Some(&self.identity) {
            spec.holder_identity = None;
            if let Err(error) = self.api.replace(&self.name, &PostParams::default(), &lease).await {
                tracing::warn!(%error, "cannot give the lease back; the next leader waits until it ends");
            }
        }
    }

    fn lease(&self, version: Option<String>, transitions: i32) -> Lease {
        let now = MicroTime(Timestamp::now());
        Lease {
            metadata: ObjectMeta { name: Some(self.name.clone()), resource_version: version, ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                lease_transitions: Some(transitions),
                ..LeaseSpec::default()
            }),
        }
    }
}

/// A conflict means that another was faster.
fn won(answer: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
    match answer {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if matches!(status.reason.as_str(), "Conflict" | "AlreadyExists") => Ok(false),
        Err(error) => Err(error),
    }
}
