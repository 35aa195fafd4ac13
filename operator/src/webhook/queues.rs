//! The Queues there are, asked of the API server: what a Queue means among them, and whether the one that an application names
//! takes it. Every replica answers, so none relies on what the leader watches. Without an answer in time the object is let in
//! with a warning: a tree that does not stand stops itself.

use std::time::Duration;

use futures::future::try_join_all;
use kube::{Api, Client, api::ListParams};
use onager_core::{
    queue::Name,
    rules::{Kind, Verdict, queues},
};
use onager_crds::Queue;
use serde_json::Value;
use tokio::time::timeout;

/// Of the API server, within the webhook's own limit.
const LIMIT: Duration = Duration::from_secs(3);

/// Asks for Queues.
pub struct Queues {
    client: Client,
    namespaces: Vec<String>,
}

impl Queues {
    /// Asks with this client for those in these namespaces; in all where none is named.
    pub fn new(client: Client, namespaces: Vec<String>) -> Self {
        Self { client, namespaces }
    }

    /// What is to be said of a Queue among the others, or of the queue that an application names.
    pub async fn judge(&self, object: &Value, kind: Kind, old: Option<&Value>) -> Verdict {
        if kind == Kind::Queue {
            return match self.all().await {
                Ok(there) => queues::among(object, old, &there),
                Err(error) => warning(format!("whether the Queues above and below it stand is not known: {error}")),
            };
        }
        let Some((path, name)) = queues::named(object, kind, old) else { return Verdict::default() };
        let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        match self.one(&name).await {
            Ok(found) => queues::remark(&name, namespace, found.as_ref())
                .map(|words| warning(format!("{path}: {words}")))
                .unwrap_or_default(),
            Err(error) => warning(format!("{path}: whether queue {name} takes it is not known: {error}")),
        }
    }

    /// As the API server remembers them: no quorum is asked for what is advice.
    async fn all(&self) -> Result<Vec<Queue>, String> {
        let list = async |api: Api<Queue>| api.list(&ListParams::default().match_any()).await;
        let answer = async {
            if self.namespaces.is_empty() {
                return Ok(list(Api::all(self.client.clone())).await?.items);
            }
            let apis = self.namespaces.iter().map(|namespace| Api::namespaced(self.client.clone(), namespace));
            Ok(try_join_all(apis.map(list)).await?.into_iter().flat_map(|list| list.items).collect())
        };
        within(answer).await
    }

    async fn one(&self, name: &Name) -> Result<Option<Queue>, String> {
        let api: Api<Queue> = Api::namespaced(self.client.clone(), &name.namespace);
        within(api.get_opt(&name.name)).await
    }
}

async fn within<T>(answer: impl Future<Output = kube::Result<T>>) -> Result<T, String> {
    match timeout(LIMIT, answer).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the API server did not say within {} s", LIMIT.as_secs())),
    }
}

fn warning(words: String) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.warnings.push(words);
    verdict
}
