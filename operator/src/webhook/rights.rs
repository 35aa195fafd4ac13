//! Whether somebody may have pods run as a service account: whoever may impersonate it may, which the built-in role `edit`
//! allows. The API server is asked each time but for a few seconds; without its answer it is no.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use k8s_openapi::api::{
    authentication::v1::{SelfSubjectReview, UserInfo},
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
};
use kube::{Api, Client, api::PostParams, core::ObjectMeta};
use serde_json::Value;
use tokio::{sync::OnceCell, time::timeout};

/// Of the API server, within the webhook's own limit.
const LIMIT: Duration = Duration::from_secs(3);
/// A yes holds for so long: an author who applies many applications is asked about once.
const KEPT: Duration = Duration::from_secs(10);
/// How many answers are kept.
const MOST: usize = 1000;

/// Asks for rights.
pub struct Rights {
    client: Client,
    own: OnceCell<String>,
    allowed: Mutex<HashMap<String, Instant>>,
}

impl Rights {
    /// Asks with this client.
    pub fn new(client: Client) -> Self {
        Self { client, own: OnceCell::new(), allowed: Mutex::default() }
    }

    /// Whether this user may use that service account.
    ///
    /// # Errors
    /// A sentence, when the API server does not say.
    pub async fn may_use(&self, user: &UserInfo, namespace: &str, account: &str) -> Result<bool, String> {
        let key = serde_json::json!([user, namespace, account]).to_string();
        if self.is_kept(&key) {
            return Ok(true);
        }
        let review = SubjectAccessReview {
            metadata: ObjectMeta::default(),
            spec: SubjectAccessReviewSpec {
                user: user.username.clone(),
                uid: user.uid.clone(),
                groups: user.groups.clone(),
                extra: user.extra.clone(),
                resource_attributes: Some(ResourceAttributes {
                    namespace: Some(namespace.into()),
                    verb: Some("impersonate".into()),
                    resource: Some("serviceaccounts".into()),
                    name: Some(account.into()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            status: None,
        };
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = timeout(LIMIT, api.create(&PostParams::default(), &review)).await;
        let answer = answer.map_err(|_| format!("the API server did not say so within {} s", LIMIT.as_secs()))?;
        let answer = answer.map_err(|error| format!("the API server did not say so: {error}"))?;
        let allowed = answer.status.is_some_and(|status| status.allowed && status.denied != Some(true));
        if allowed {
            self.keep(key);
        }
        Ok(allowed)
    }

    /// Whether this is a run that the operator itself makes of a schedule. Its author's rights were looked at when they
    /// wrote the schedule.
    pub async fn is_own_run(&self, user: &UserInfo, object: &Value) -> bool {
        let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let of_schedule = owners.into_iter().flatten().any(|owner| {
            owner["kind"] == "ScheduledSparkApplication"
                && owner["apiVersion"].as_str().is_some_and(|version| version.starts_with("onager.dev/"))
                && owner["controller"] == true
        });
        if !of_schedule {
            return false;
        }
        match self.own.get_or_try_init(|| self.ask_own_name()).await {
            Ok(own) => user.username.as_ref() == Some(own),
            Err(error) => {
                tracing::warn!(error, "the operator does not know its own name");
                false
            }
        }
    }

    async fn ask_own_name(&self) -> Result<String, String> {
        let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let answer = timeout(LIMIT, api.create(&PostParams::default(), &SelfSubjectReview::default())).await;
        let answer = answer.map_err(|_| "no answer in time".to_string())?.map_err(|error| error.to_string())?;
        let user = answer.status.and_then(|status| status.user_info);
        user.and_then(|user| user.username).ok_or_else(|| "the API server did not say".into())
    }

    fn is_kept(&self, key: &str) -> bool {
        let kept = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).is_some_and(|since| since.elapsed() < KEPT)
    }

    fn keep(&self, key: String) {
        let mut kept = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, since| since.elapsed() < KEPT);
        if kept.len() < MOST {
            kept.insert(key, Instant::now());
        }
    }
}
