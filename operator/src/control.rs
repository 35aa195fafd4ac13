//! Speaks with drivers over their control channel. Each application's token is derived from one key and the application's
//! UID, and a driver is given its digest alone: so teams' namespaces hold no Secret of ours, and the operator needs no right
//! to any there.

use std::{fmt, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, body::Bytes, header, http::request};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use onager_contract::{Drain, ExecutorLost, Progress, control, token};
use serde::Serialize;
use thiserror::Error;

/// The Secret with the key, in the operator's namespace.
const KEY_SECRET: &str = "onager-control-key";
const KEY: &str = "key";
/// A driver that has not answered by then is asked again later, or learns of a loss by its heartbeats.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// The longest answer that is read: ten thousand idle executors take less.
const BODY_LIMIT: usize = 1 << 20;
/// A connection is kept from one question to the next, and closed when the driver is asked no more.
const KEPT: Duration = Duration::from_secs(15);
/// What is read at once, and so kept for each connection: there may be a thousand.
const READ_BUFFER: usize = 4 << 10;

/// Where a driver's control channel listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The pod's IP.
    pub ip: String,
    /// The port.
    pub port: u16,
}

impl Address {
    fn uri(&self, path: &str) -> String {
        format!("http://{self}{path}")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip.contains(':') {
            true => write!(f, "[{}]:{}", self.ip, self.port),
            false => write!(f, "{}:{}", self.ip, self.port),
        }
    }
}

/// Why a driver could not be asked.
#[derive(Debug, Error)]
pub enum ControlError {
    /// What its pod has is no address.
    #[error("{0:?} is no address")]
    NoAddress(String),
    /// There is no connection.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It took longer than [`ANSWER_LIMIT`].
    #[error("it did not answer within {} s", ANSWER_LIMIT.as_secs())]
    TooSlow,
    /// It answered with another status than it should.
    #[error("it answered {0}")]
    Refused(StatusCode),
    /// The answer ended early, or is longer than [`BODY_LIMIT`].
    #[error("its answer cannot be read: {0}")]
    Broken(String),
    /// The answer is not what it should be.
    #[error("its answer is not understood: {0}")]
    Unreadable(#[source] serde_json::Error),
}

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
        Ok(Self::new(key))
    }

    /// With this key.
    pub fn new(key: Vec<u8>) -> Self {
        let http = HttpClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT)
            .pool_max_idle_per_host(1)
            .http1_read_buf_exact_size(READ_BUFFER)
            .build_http();
        Self { key: key.into(), http }
    }

    /// The token of an application.
    pub fn token(&self, uid: &str) -> String {
        token::of(&self.key, uid)
    }

    /// What an application's driver knows its token by.
    pub fn digest(&self, uid: &str) -> String {
        token::digest(&self.token(uid))
    }

    /// Asks a driver how far it is.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn progress(&self, driver: &Address, uid: &str) -> Result<Progress, ControlError> {
        let (status, body) = self.ask(driver, uid, Request::get(driver.uri(control::PROGRESS)), Bytes::new()).await?;
        if status != StatusCode::OK {
            return Err(ControlError::Refused(status));
        }
        serde_json::from_slice(&body).map_err(ControlError::Unreadable)
    }

    /// Asks a driver to give an executor no more tasks. False when it is needed, and goes on as before.
    ///
    /// # Errors
    /// See [`ControlError`]; the driver may have agreed all the same, and is asked again.
    pub async fn drain(&self, driver: &Address, uid: &str, drain: &Drain) -> Result<bool, ControlError> {
        match self.post(driver, uid, control::DRAIN, drain).await? {
            status if status.is_success() => Ok(true),
            StatusCode::CONFLICT => Ok(false),
            status => Err(ControlError::Refused(status)),
        }
    }

    /// Tells a driver of a lost executor, in the background.
    pub fn executor_lost(&self, driver: Address, uid: &str, index: u32, reason: String) {
        let (control, uid) = (self.clone(), uid.to_string());
        tokio::spawn(async move {
            let lost = ExecutorLost { index, reason };
            let told = match control.post(&driver, &uid, control::EXECUTOR_LOST, &lost).await {
                Ok(status) if status.is_success() => return,
                Ok(status) => ControlError::Refused(status),
                Err(error) => error,
            };
            tracing::warn!(%driver, index, error = %told, "a driver learns of a lost executor by heartbeats");
        });
    }

    async fn post(
        &self,
        driver: &Address,
        uid: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<StatusCode, ControlError> {
        let body = serde_json::to_vec(body).map_err(ControlError::Unreadable)?;
        let request = Request::post(driver.uri(path)).header(header::CONTENT_TYPE, "application/json");
        self.ask(driver, uid, request, body.into()).await.map(|(status, _)| status)
    }

    async fn ask(
        &self,
        driver: &Address,
        uid: &str,
        request: request::Builder,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), ControlError> {
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token(uid)));
        let request = request.body(Full::new(body)).map_err(|_| ControlError::NoAddress(driver.to_string()))?;
        let answer = async {
            let answer =
                self.http.request(request).await.map_err(|error| ControlError::Unreachable(because(&error)))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), BODY_LIMIT).collect().await;
            let body = body.map_err(|error| ControlError::Broken(error.to_string()))?;
            Ok((status, body.to_bytes()))
        };
        tokio::time::timeout(ANSWER_LIMIT, answer).await.unwrap_or(Err(ControlError::TooSlow))
    }
}

/// An error with what is behind it: the client says no more than that a connection failed.
fn because(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
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
