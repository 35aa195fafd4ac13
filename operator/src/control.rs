//! Speaks with drivers over their control channel. Each application's token is derived from one key and the application's
//! UID, so that the operator need not be allowed to read Secrets of teams.

use std::{sync::Arc, time::Duration};

use hmac::{Hmac, Mac};
use http_body_util::Full;
use hyper::{Request, body::Bytes, header};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use onager_contract::{ExecutorLost, control};
use sha2::Sha256;

/// The Secret with the key, in the operator's namespace.
const KEY_SECRET: &str = "onager-control-key";
const KEY: &str = "key";
/// A driver that does not answer within this learns of the loss by its heartbeats.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// The way to drivers.
#[derive(Clone)]
pub struct Control {
    key: Arc<[u8]>,
    http: HttpClient<HttpConnector, Full<Bytes>>,
}

impl Control {
    /// With the key of this installation, which is made if it is not there.
    ///
    /// # Errors
    /// When the Secret can be neither read nor made, or holds no key of at least 32 bytes.
    pub async fn connect(client: Client, namespace: &str) -> anyhow::Result<Self> {
        let secrets: Api<Secret> = Api::namespaced(client, namespace);
        let key = loop {
            if let Some(secret) = secrets.get_opt(KEY_SECRET).await? {
                let key = secret.data.and_then(|mut data| data.remove(KEY)).map(|key| key.0).unwrap_or_default();
                anyhow::ensure!(
                    key.len() >= 32,
                    "Secret {namespace}/{KEY_SECRET} has no {KEY:?} of at least 32 bytes: delete it, and another is made"
                );
                break key;
            }
            let secret = Secret {
                metadata: ObjectMeta { name: Some(KEY_SECRET.into()), ..ObjectMeta::default() },
                data: Some([(KEY.to_string(), ByteString(random_key()))].into()),
                ..Secret::default()
            };
            match secrets.create(&PostParams::default(), &secret).await {
                // Another replica was first: its key holds.
                Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {}
                Err(error) => return Err(error.into()),
                Ok(_) => {}
            }
        };
        Ok(Self { key: key.into(), http: HttpClient::builder(TokioExecutor::new()).build_http() })
    }

    /// The token of an application, HMAC-SHA256 of its UID in hex.
    pub fn token(&self, uid: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            unreachable!("HMAC takes keys of any length");
        };
        mac.update(uid.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Tells a driver of a lost executor, in the background.
    pub fn executor_lost(&self, (ip, port): (String, u16), uid: &str, index: u32, reason: String) {
        let host = if ip.contains(':') { format!("[{ip}]") } else { ip };
        let uri = format!("http://{host}:{port}{}", control::EXECUTOR_LOST);
        let body = serde_json::to_vec(&ExecutorLost { index, reason }).unwrap_or_default();
        let request = Request::post(&uri)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token(uid)))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)));
        let Ok(request) = request else { return };
        let http = self.http.clone();
        tokio::spawn(async move {
            match tokio::time::timeout(ANSWER_LIMIT, http.request(request)).await {
                Ok(Ok(answer)) if answer.status().is_success() => {}
                Ok(Ok(answer)) => {
                    tracing::warn!(%uri, status = %answer.status(), "a driver did not take the news of a lost executor")
                }
                Ok(Err(error)) => {
                    tracing::warn!(%uri, %error, "a driver cannot be reached; it learns of a lost executor by heartbeats")
                }
                Err(_) => tracing::warn!(%uri, "a driver does not answer; it learns of a lost executor by heartbeats"),
            }
        });
    }
}

/// 32 bytes from the operating system.
fn random_key() -> Vec<u8> {
    let mut key = vec![0; 32];
    if let Err(error) =
        std::fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut key))
    {
        // Never a key that can be guessed.
        panic!("no random numbers from the operating system: {error}");
    }
    key
}
