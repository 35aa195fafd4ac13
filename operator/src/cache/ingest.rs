//! Follows a watch and hands each event on. A watch that breaks is taken up again with back-off; it never ends by itself.

use std::fmt::Debug;

use futures::StreamExt;
use kube::{
    Api, Resource,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event},
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

/// Follows all objects that `config` selects; `ready` becomes true once the first list is complete.
pub async fn follow<K>(api: Api<K>, config: watcher::Config, ready: watch::Sender<bool>, mut take: impl FnMut(Event<K>))
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let kind = K::kind(&()).into_owned();
    let mut events = std::pin::pin!(kube::runtime::watcher(api, config).default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                let listed = matches!(event, Event::InitDone);
                take(event);
                if listed {
                    ready.send_replace(true);
                }
            }
            Err(error) => tracing::warn!(%kind, %error, "a watch broke and is taken up again"),
        }
    }
}
