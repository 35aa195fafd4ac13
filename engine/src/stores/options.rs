//! Turns `spark.hadoop.fs.s3a.*` and the `AWS_*` environment into the options of one bucket. A bucket's own key comes
//! before the common one, configuration before the environment. It opens no connection.

use std::collections::BTreeMap;

const PREFIX: &str = "spark.hadoop.fs.s3a.";

/// How one bucket is reached. It holds secrets, so only tests may print it.
#[cfg_attr(test, derive(Debug))]
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct BucketOptions {
    pub endpoint: Option<String>,
    pub region: String,
    pub access_key: Option<String>,
    pub secret_key: Option<String>,
    pub session_token: Option<String>,
    pub path_style: bool,
    pub anonymous: bool,
    /// Whether the machine's metadata service may be asked for credentials: only where the configuration says so.
    pub ask_machine: bool,
}

impl BucketOptions {
    /// The options of `bucket`; `env` looks a variable up.
    pub(crate) fn new(bucket: &str, conf: &BTreeMap<String, String>, env: impl Fn(&str) -> Option<String>) -> Self {
        let key = |name: &str| {
            let own = conf.get(&format!("{PREFIX}bucket.{bucket}.{name}"));
            own.or_else(|| conf.get(&format!("{PREFIX}{name}")))
                .map(|value| value.trim())
                .filter(|value| !value.is_empty())
        };
        let flag = |name: &str| key(name).map(|value| value.eq_ignore_ascii_case("true"));
        let first = |names: &[&str]| names.iter().find_map(|name| env(name));

        let endpoint =
            key("endpoint").map(str::to_string).or_else(|| first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
        let endpoint = endpoint.map(|text| with_scheme(&text, flag("connection.ssl.enabled").unwrap_or(true)));
        // A pair comes from one place: a key id from the configuration with a secret from the environment is no pair.
        let pair = match key("access.key") {
            Some(id) => {
                (Some(id.to_string()), key("secret.key").map(str::to_string), key("session.token").map(str::to_string))
            }
            None => (first(&["AWS_ACCESS_KEY_ID"]), first(&["AWS_SECRET_ACCESS_KEY"]), first(&["AWS_SESSION_TOKEN"])),
        };
        let provider = key("aws.credentials.provider");
        Self {
            region: key("endpoint.region")
                .map(str::to_string)
                .or_else(|| first(&["AWS_REGION", "AWS_DEFAULT_REGION"]))
                .unwrap_or_else(|| "us-east-1".into()),
            path_style: flag("path.style.access").unwrap_or(endpoint.is_some()),
            anonymous: provider.is_some_and(|name| name.contains("Anonymous")),
            ask_machine: provider.is_some_and(|name| name.contains("InstanceProfile")),
            endpoint,
            access_key: pair.0,
            secret_key: pair.1,
            session_token: pair.2,
        }
    }
}

fn with_scheme(endpoint: &str, ssl: bool) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    match (endpoint.contains("://"), ssl) {
        (true, _) => endpoint.to_string(),
        (false, true) => format!("https://{endpoint}"),
        (false, false) => format!("http://{endpoint}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| (format!("{PREFIX}{key}"), value.to_string())).collect()
    }

    fn no_env(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn nothing_set_means_amazon() {
        let options = BucketOptions::new("lake", &BTreeMap::new(), no_env);
        assert_eq!(options, BucketOptions { region: "us-east-1".into(), ..BucketOptions::default() });
    }

    #[test]
    fn the_metadata_service_is_asked_only_where_the_configuration_says_so() {
        let provider = "software.amazon.awssdk.auth.credentials.InstanceProfileCredentialsProvider";
        let options = BucketOptions::new("lake", &conf(&[("aws.credentials.provider", provider)]), no_env);
        assert!(options.ask_machine && !options.anonymous);
    }

    #[test]
    fn an_endpoint_means_path_style_unless_told_otherwise() {
        let options = BucketOptions::new("lake", &conf(&[("endpoint", "http://minio:9000/")]), no_env);
        assert_eq!(options.endpoint.as_deref(), Some("http://minio:9000"));
        assert!(options.path_style);
        let options = BucketOptions::new("lake", &conf(&[("endpoint", "x"), ("path.style.access", "false")]), no_env);
        assert!(!options.path_style);
    }

    #[test]
    fn ssl_decides_where_the_endpoint_has_no_scheme() {
        let options = |ssl| {
            BucketOptions::new("b", &conf(&[("endpoint", "minio:9000"), ("connection.ssl.enabled", ssl)]), no_env)
        };
        assert_eq!(options("true").endpoint.as_deref(), Some("https://minio:9000"));
        assert_eq!(options("false").endpoint.as_deref(), Some("http://minio:9000"));
    }

    #[test]
    fn a_buckets_own_key_comes_first() {
        let conf = conf(&[("endpoint", "http://all"), ("bucket.my.lake.endpoint", "http://own")]);
        assert_eq!(BucketOptions::new("my.lake", &conf, no_env).endpoint.as_deref(), Some("http://own"));
        assert_eq!(BucketOptions::new("other", &conf, no_env).endpoint.as_deref(), Some("http://all"));
    }

    #[test]
    fn the_environment_fills_in_and_never_splits_a_pair() {
        let env = |name: &str| Some(name.to_lowercase());
        let options = BucketOptions::new("b", &BTreeMap::new(), env);
        assert_eq!(options.access_key.as_deref(), Some("aws_access_key_id"));
        assert_eq!(options.region, "aws_region");
        let options = BucketOptions::new("b", &conf(&[("access.key", "me"), ("secret.key", "s")]), env);
        assert_eq!(options.secret_key.as_deref(), Some("s"));
        assert_eq!(options.session_token, None);
    }
}
