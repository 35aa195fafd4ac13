//! Opens the store an address belongs to, once for each bucket: `s3a://` and `s3://` by the configuration, `local://` and
//! `file://` as the container's file system. It refuses every other scheme and reads no credentials from anywhere else.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreRegistry;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use url::Url;

use super::options::BucketOptions;
use crate::overrides::var;

/// A wrong endpoint should be known soon, a short outage should pass unseen.
const RETRY_FOR: Duration = Duration::from_secs(10);

/// The stores of one process.
pub(crate) struct Stores {
    conf: BTreeMap<String, String>,
    local: Arc<LocalFileSystem>,
    opened: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl Stores {
    pub(crate) fn new(conf: BTreeMap<String, String>) -> Self {
        Self { conf, local: Arc::new(LocalFileSystem::new()), opened: Mutex::default() }
    }

    /// The access key a bucket is reached with, for messages.
    pub(crate) fn key_id(&self, bucket: &str) -> Option<String> {
        BucketOptions::new(bucket, &self.conf, var).access_key
    }

    fn open_bucket(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>> {
        let options = BucketOptions::new(bucket, &self.conf, var);
        // The environment also brings web identity and container credentials, which have no key of their own here.
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_region(&options.region)
            .with_virtual_hosted_style_request(!options.path_style)
            .with_client_options(
                ClientOptions::new().with_allow_http(true).with_connect_timeout(Duration::from_secs(4)),
            )
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: Duration::from_millis(100),
                    max_backoff: Duration::from_secs(2),
                    base: 2.0,
                },
                // The time is the limit, not the count.
                max_retries: 100,
                retry_timeout: RETRY_FOR,
            });
        if let Some(endpoint) = &options.endpoint {
            let endpoint = match options.path_style {
                true => endpoint.clone(),
                // With virtual hosts the store wants the bucket in the endpoint's own name.
                false => endpoint.replacen("://", &format!("://{bucket}."), 1),
            };
            builder = builder.with_endpoint(endpoint);
        }
        match (&options.access_key, &options.secret_key) {
            _ if options.anonymous => builder = builder.with_skip_signature(true),
            (Some(id), Some(secret)) => {
                builder = builder.with_access_key_id(id).with_secret_access_key(secret);
                if let Some(token) = &options.session_token {
                    builder = builder.with_token(token);
                }
            }
            (Some(id), None) => {
                return config_error(format!("bucket \"{bucket}\": access key \"{id}\" has no secret key"));
            }
            // Who forgot the keys should hear of it, and not wait for a metadata service that may not be there.
            (None, _) if !options.ask_machine && !has_identity() => {
                return config_error(format!(
                    "bucket \"{bucket}\": no credentials; set spark.hadoop.fs.s3a.access.key and .secret.key, \
                     or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                ));
            }
            (None, _) => {}
        }
        let store =
            builder.build().map_err(|error| DataFusionError::Configuration(format!("bucket \"{bucket}\": {error}")))?;
        Ok(Arc::new(store))
    }
}

/// Whether the environment brings an identity that needs no key: a web identity token, or a container's credentials.
fn has_identity() -> bool {
    let names =
        ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    names.iter().any(|name| var(name).is_some())
}

/// Never the configuration: it holds secrets, and DataFusion prints registries.
impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

impl ObjectStoreRegistry for Stores {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(key(url), store)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = opened.get(&key(url)) {
            return Ok(store.clone());
        }
        let store = match url.scheme() {
            "file" | "local" => return Ok(self.local.clone()),
            "s3" | "s3a" => self.open_bucket(url.host_str().unwrap_or_default())?,
            scheme => {
                return config_error(format!("no object store for {scheme}:// (known: s3a, s3, local, file): {url}"));
            }
        };
        opened.insert(key(url), store.clone());
        Ok(store)
    }
}

fn key(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}

fn config_error<T>(message: String) -> Result<T> {
    Err(DataFusionError::Configuration(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(stores: &Stores, url: &str) -> Result<Arc<dyn ObjectStore>> {
        stores.get_store(&Url::parse(url).expect("URL"))
    }

    #[test]
    fn a_bucket_is_opened_once() {
        let conf = [("endpoint", "http://h:1"), ("access.key", "id"), ("secret.key", "secret")]
            .map(|(key, value)| (format!("spark.hadoop.fs.s3a.{key}"), value.to_string()));
        let stores = Stores::new(conf.into());
        let first = get(&stores, "s3a://lake/a").expect("store");
        assert!(Arc::ptr_eq(&first, &get(&stores, "s3a://lake/b").expect("store")));
        assert_eq!(stores.key_id("lake").as_deref(), Some("id"));
    }

    #[test]
    fn local_is_the_file_system() {
        let stores = Stores::new(BTreeMap::new());
        assert!(get(&stores, "local:///data/x.parquet").is_ok());
        assert!(get(&stores, "file:///data/x.parquet").is_ok());
    }

    #[test]
    fn an_unknown_scheme_is_named() {
        let error = get(&Stores::new(BTreeMap::new()), "hdfs://name/x").expect_err("no hdfs");
        assert!(error.to_string().contains("hdfs://"), "{error}");
    }
}
