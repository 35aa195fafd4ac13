//! Connections to other executors, over which shuffle files are read. One that came to its end is kept for the next reader
//! for a while. Ballista has the same and gives it to nobody who brings an engine of his own.

use std::collections::HashMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ballista_core::client::BallistaClient;
use ballista_core::client_pool::{BallistaClientPool, PooledClient};
use ballista_core::error::Result;
use ballista_core::extension::BallistaConfigGrpcEndpoint;
use ballista_core::utils::GrpcClientConfig;

/// For so long a connection that nobody uses is kept; Ballista's own.
const KEPT: Duration = Duration::from_secs(30);

/// By host, port and settings.
type Key = (String, u16, GrpcClientConfig);
/// The one that was used last is at the end.
type Idle = HashMap<Key, Vec<(Instant, BallistaClient)>>;

/// Idle connections.
#[derive(Clone, Default)]
pub(super) struct Pool(Arc<Mutex<Idle>>);

impl Pool {
    fn take(&self, key: &Key) -> Option<BallistaClient> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        close_old(&mut idle);
        idle.get_mut(key)?.pop().map(|(_, client)| client)
    }

    fn put(&self, key: Key, client: BallistaClient) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.entry(key).or_default().push((Instant::now(), client));
    }
}

fn close_old(idle: &mut Idle) {
    idle.values_mut().for_each(|clients| clients.retain(|(since, _)| since.elapsed() < KEPT));
    idle.retain(|_, clients| !clients.is_empty());
}

impl Debug for Pool {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

#[async_trait]
impl BallistaClientPool for Pool {
    async fn acquire(
        &self,
        host: &str,
        port: u16,
        config: &GrpcClientConfig,
        customize_endpoint: Option<Arc<BallistaConfigGrpcEndpoint>>,
    ) -> Result<PooledClient> {
        let key = (host.to_string(), port, config.clone());
        let client = match self.take(&key) {
            Some(client) => client,
            None => {
                BallistaClient::try_new(
                    host,
                    port,
                    config.max_message_size,
                    config.use_tls,
                    customize_endpoint,
                    config.io_retries_times,
                    config.io_retry_wait_time_ms,
                    config.initial_connection_window_size,
                    config.initial_stream_window_size,
                )
                .await?
            }
        };
        let pool = self.clone();
        Ok(PooledClient::new(client, Box::new(move |client| pool.put(key, client))))
    }

    async fn evict_idle(&self) {
        close_old(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
