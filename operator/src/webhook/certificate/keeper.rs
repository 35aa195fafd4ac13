//! Keeps the operator's own certificate: takes it from the Secret or makes it, serves it, and has it trusted. Every replica
//! does this at once; whoever is later finds another version on record and starts over from that.

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt, future, stream};
use jiff::Timestamp;
use k8s_openapi::{
    ByteString,
    api::{
        admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration},
        core::v1::Secret,
    },
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ObjectMeta, PostParams},
    core::PartialObjectMeta,
    runtime::{WatchStreamExt, watcher},
};
use tokio::{sync::watch, time::timeout};

use super::{
    inject::{Need, inject, need},
    keyring::{Facts, Keyring, Step},
    make,
    served::Served,
};
use crate::webhook::WebhookSettings;

/// The keyring as JSON, in the Secret.
const KEYRING: &str = "keyring.json";
/// All authorities, for whoever wants to look.
const BUNDLE: &str = "ca.crt";
/// Put on the Secret by an administrator: a new certificate is made now.
const ROTATE: &str = "onager.dev/rotate";
/// One look, with all that follows from it.
const LIMIT: Duration = Duration::from_secs(30);
/// After a failure, and after somebody else was faster.
const RETRY: Duration = Duration::from_secs(2);
/// The longest time without a look; watches tell of changes earlier.
const LONGEST: Duration = Duration::from_secs(600);

/// What the keeper works with.
struct Keeper {
    settings: WebhookSettings,
    names: Vec<String>,
    secrets: Api<Secret>,
    validating: Api<ValidatingWebhookConfiguration>,
    mutating: Api<MutatingWebhookConfiguration>,
    served: Arc<Served>,
    /// What is served, so that it is exchanged only when it is another.
    serving: Option<String>,
}

/// Keeps the certificate for as long as the process lives; `kept` becomes true once one is served and trusted.
///
/// # Errors
/// None: whatever fails is tried again.
pub async fn keep(
    settings: WebhookSettings,
    namespace: String,
    client: Client,
    served: Arc<Served>,
    kept: watch::Sender<bool>,
) -> anyhow::Result<()> {
    let mut keeper = Keeper {
        names: settings.names(&namespace),
        secrets: Api::namespaced(client.clone(), &namespace),
        validating: Api::all(client.clone()),
        mutating: Api::all(client.clone()),
        settings,
        served,
        serving: None,
    };
    let mut changes = std::pin::pin!(stream::select_all([
        changes::<Secret>(Api::namespaced(client.clone(), &namespace), &keeper.settings.webhook_secret).boxed(),
        changes::<ValidatingWebhookConfiguration>(Api::all(client.clone()), &keeper.settings.webhook_configuration)
            .boxed(),
        changes::<MutatingWebhookConfiguration>(Api::all(client), &keeper.settings.webhook_configuration).boxed(),
    ]));
    loop {
        let wait = match timeout(LIMIT, keeper.look()).await {
            Ok(Ok(Look { wait, trusted })) => {
                if trusted && !*kept.borrow() {
                    tracing::info!(names = ?keeper.names, "the webhook's certificate is served and trusted");
                    kept.send_replace(true);
                }
                wait
            }
            Ok(Err(error)) if is_conflict(&error) => RETRY / 10,
            Ok(Err(error)) => {
                tracing::warn!(error = format!("{error:#}"), "the webhook's certificate cannot be looked after");
                RETRY
            }
            Err(_) => {
                tracing::warn!("the API server does not answer when asked for the webhook's certificate");
                RETRY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait.min(LONGEST)) => {}
            _ = changes.next() => {}
        }
    }
}

/// Somebody changed the object of this name.
fn changes<K>(api: Api<PartialObjectMeta<K>>, name: &str) -> impl Stream<Item = ()> + Send + 'static
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Send + 'static,
{
    let this = watcher::Config::default().fields(&format!("metadata.name={name}"));
    // Only that there is news is of interest; errors are repeated, more slowly each time.
    let news = watcher(api, this).default_backoff().touched_objects();
    news.filter_map(|object| future::ready(object.ok().map(drop)))
}

/// What one look found.
struct Look {
    wait: Duration,
    trusted: bool,
}

impl Keeper {
    async fn look(&mut self) -> anyhow::Result<Look> {
        // First the configurations, then the Secret: a patch over a version seen before the Secret cannot undo a newer one.
        let name = self.settings.webhook_configuration.as_str();
        let (validating, mutating) = (self.validating.get_opt(name).await?, self.mutating.get_opt(name).await?);
        let secret = self.secrets.get_opt(&self.settings.webhook_secret).await?;
        let ring = secret.as_ref().and_then(read);
        let needs = ring.as_ref().map(|ring| {
            let bundle = ring.bundle();
            (validating.as_ref().map(|found| need(found, &bundle)), mutating.as_ref().map(|found| need(found, &bundle)))
        });
        // What is not there asks nobody.
        let told = |need: &Option<Need>| need.as_ref().is_none_or(|need| *need == Need::Nothing);
        let facts = Facts {
            names: &self.names,
            overlap: self.settings.overlap(),
            trusted: needs.as_ref().is_some_and(|(validating, mutating)| told(validating) && told(mutating)),
            asked: secret.as_ref().is_some_and(|secret| secret.annotations().contains_key(ROTATE)),
            now: Timestamp::now(),
        };
        let lifetime = self.settings.lifetime();
        let wait = match Keyring::step(ring.as_ref(), &facts, || make::pair(&self.names, lifetime, facts.now))? {
            Step::Save(ring) => {
                self.save(secret, &ring).await?;
                tracing::info!(expires = %ring.current.expires, next = ring.next.is_some(), "the webhook's certificates changed");
                Duration::ZERO
            }
            Step::Keep(wait) => wait.max(RETRY),
        };
        let (Some(ring), Some((for_validating, for_mutating))) = (ring, needs) else {
            return Ok(Look { wait, trusted: false });
        };
        if self.serving.as_ref() != Some(&ring.current.certificate) {
            self.served.exchange(&ring.current.certificate, &ring.current.key)?;
            self.serving = Some(ring.current.certificate);
        }
        if validating.is_none() || mutating.is_none() {
            tracing::warn!(name, "there is no such webhook configuration: nobody asks this webhook");
        }
        let trusted = for_validating.is_some() && for_mutating.is_some();
        if let Some(need) = for_validating {
            inject(&self.validating, name, need).await?;
        }
        if let Some(need) = for_mutating {
            inject(&self.mutating, name, need).await?;
        }
        Ok(Look { wait, trusted })
    }

    /// Over the version that was read, or as a new Secret: whoever is second gets a conflict.
    async fn save(&self, before: Option<Secret>, ring: &Keyring) -> anyhow::Result<()> {
        let name = &self.settings.webhook_secret;
        let mut metadata = before.as_ref().map(|secret| secret.metadata.clone()).unwrap_or_else(|| ObjectMeta {
            name: Some(name.clone()),
            labels: Some(
                [(crate::build::names::MANAGED_BY.to_string(), crate::build::names::MANAGER.to_string())].into(),
            ),
            ..ObjectMeta::default()
        });
        metadata.managed_fields = None;
        if let Some(annotations) = &mut metadata.annotations {
            annotations.remove(ROTATE);
        }
        let data = [(KEYRING, serde_json::to_vec(ring)?), (BUNDLE, ring.bundle().into_bytes())];
        let data = data.into_iter().map(|(key, value)| (key.to_string(), ByteString(value))).collect();
        let secret = Secret { metadata, data: Some(data), ..Secret::default() };
        match before {
            Some(_) => self.secrets.replace(name, &PostParams::default(), &secret).await?,
            None => self.secrets.create(&PostParams::default(), &secret).await?,
        };
        Ok(())
    }
}

/// What cannot be read is made anew.
fn read(secret: &Secret) -> Option<Keyring> {
    let text = &secret.data.as_ref()?.get(KEYRING)?.0;
    match serde_json::from_slice(text) {
        Ok(ring) => Some(ring),
        Err(error) => {
            tracing::warn!(secret = secret.name_any(), %error, "the webhook's certificates cannot be read: others are made");
            None
        }
    }
}

fn is_conflict(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(kube::Error::Api(status)) if matches!(status.reason.as_str(), "Conflict" | "AlreadyExists"))
}
