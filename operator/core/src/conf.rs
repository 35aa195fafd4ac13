//! Keys of `sparkConf` that speak of pods, put where the fields for them are. A field that is given wins over its key; keys
//! that name an image, a service account or a namespace are not read at all: those are fields alone.

use std::{borrow::Cow, collections::BTreeMap};

use onager_crds::{PodFields, SecretInfo, SecretKey, SecretType, SparkApplicationSpec, parse_overhead};

use crate::workload::{Refusal, invalid};

/// Keys that do not begin like the others and are read too.
const PREFIXES: [&str; 4] = ["spark.kubernetes.", "spark.driver.", "spark.executor.", "spark.executorEnv."];

/// How many executors, where dynamic allocation does not decide; with it, how many at first.
const INSTANCES: &str = "spark.executor.instances";
/// What the CRD allows in the field.
const MOST_EXECUTORS: i32 = 10_000;

/// Names of keys that differ between driver and executor.
struct Keys {
    role: &'static str,
    env: &'static str,
}

const DRIVER: Keys = Keys { role: "driver", env: "spark.kubernetes.driverEnv." };
const EXECUTOR: Keys = Keys { role: "executor", env: "spark.executorEnv." };

/// The spec with what only its `sparkConf` says about pods.
///
/// # Errors
/// A [`Refusal`] that names the key.
pub fn filled(spec: &SparkApplicationSpec) -> Result<Cow<'_, SparkApplicationSpec>, Refusal> {
    let speaks = |key: &String| PREFIXES.iter().any(|prefix| key.starts_with(prefix));
    if !spec.spark_conf.keys().any(speaks) {
        return Ok(Cow::Borrowed(spec));
    }
    let mut spec = spec.clone();
    let conf = Conf(&spec.spark_conf.clone());
    conf.pod(&mut spec.driver.pod, &DRIVER)?;
    conf.pod(&mut spec.executor.pod, &EXECUTOR)?;
    spec.executor.instances = instances(&spec)?;
    conf.map("spark.kubernetes.driver.service.annotation.", &mut spec.driver.service_annotations);
    conf.map("spark.kubernetes.driver.service.label.", &mut spec.driver.service_labels);
    conf.map("spark.kubernetes.node.selector.", &mut spec.node_selector);
    Ok(Cow::Owned(spec))
}

/// How many executors a spec asks for: the field, Spark's key, or one.
pub fn executors(spec: &SparkApplicationSpec) -> u32 {
    let asked = instances(spec).ok().flatten().unwrap_or(1);
    u32::try_from(asked).unwrap_or(0)
}

/// The field, or Spark's key.
///
/// # Errors
/// A [`Refusal`] that names the key.
pub(crate) fn instances(spec: &SparkApplicationSpec) -> Result<Option<i32>, Refusal> {
    let Some(text) = spec.spark_conf.get(INSTANCES).filter(|_| spec.executor.instances.is_none()) else {
        return Ok(spec.executor.instances);
    };
    let number = text.trim().parse::<i32>().ok().filter(|number| (0..=MOST_EXECUTORS).contains(number));
    number.map(Some).ok_or_else(|| {
        invalid(format!("spec.sparkConf[{INSTANCES}] must be a whole number of at most {MOST_EXECUTORS}, not {text:?}"))
    })
}

/// The part of memory that comes on top of it for a role, if anything but the default was asked for.
///
/// # Errors
/// A [`Refusal`] that names the field or the key.
pub(crate) fn overhead_factor(spec: &SparkApplicationSpec, role: &str) -> Result<Option<f64>, Refusal> {
    let own = format!("spark.{role}.memoryOverheadFactor");
    let keys = [own.as_str(), "spark.kubernetes.memoryOverheadFactor"];
    let field = spec.memory_overhead_factor.as_ref().map(|text| ("spec.memoryOverheadFactor".to_string(), text));
    let key = || keys.iter().find_map(|key| Some((format!("spec.sparkConf[{key}]"), spec.spark_conf.get(*key)?)));
    let Some((path, text)) = field.or_else(key) else { return Ok(None) };
    match text.trim().parse::<f64>() {
        Ok(factor) if (0.0..=100.0).contains(&factor) => Ok(Some(factor)),
        _ => Err(invalid(format!("{path} must be a number from 0 to 100, such as 0.1, not {text:?}"))),
    }
}

struct Conf<'a>(&'a BTreeMap<String, String>);

impl Conf<'_> {
    fn pod(&self, pod: &mut PodFields, keys: &Keys) -> Result<(), Refusal> {
        let role = keys.role;
        if pod.cores.is_none() {
            pod.cores = self.number(&format!("spark.{role}.cores"))?;
        }
        let texts = [
            (&mut pod.core_request, format!("spark.kubernetes.{role}.request.cores")),
            (&mut pod.core_limit, format!("spark.kubernetes.{role}.limit.cores")),
        ];
        for (field, key) in texts {
            if field.is_none() {
                *field = self.0.get(&key).cloned();
            }
        }
        // Spark takes a number alone as mebibytes.
        for (field, name) in [(&mut pod.memory, "memory"), (&mut pod.memory_overhead, "memoryOverhead")] {
            let key = format!("spark.{role}.{name}");
            if let (None, Some(text)) = (&field, self.0.get(&key)) {
                let bytes = parse_overhead(text).map_err(|error| invalid(format!("spec.sparkConf[{key}]: {error}")))?;
                *field = Some(format!("{}k", bytes.div_ceil(1024)));
            }
        }
        for key in [format!("spark.kubernetes.{role}.schedulerName"), "spark.kubernetes.scheduler.name".into()] {
            if pod.scheduler_name.is_none() {
                pod.scheduler_name = self.0.get(&key).cloned();
            }
        }
        self.map(&format!("spark.kubernetes.{role}.label."), &mut pod.labels);
        self.map(&format!("spark.kubernetes.{role}.annotation."), &mut pod.annotations);
        self.map(&format!("spark.kubernetes.{role}.node.selector."), &mut pod.node_selector);
        self.map(keys.env, &mut pod.env_vars);
        for (name, path) in self.under(&format!("spark.kubernetes.{role}.secrets.")) {
            if !pod.secrets.iter().any(|secret| secret.name == name) {
                let secret = SecretInfo { name, path: path.clone(), secret_type: SecretType::Generic };
                pod.secrets.push(secret);
            }
        }
        let prefix = format!("spark.kubernetes.{role}.secretKeyRef.");
        for (variable, reference) in self.under(&prefix) {
            let (name, key) = reference.split_once(':').ok_or_else(|| {
                invalid(format!("spec.sparkConf[{prefix}{variable}] must be SECRET:KEY, not {reference:?}"))
            })?;
            let reference = SecretKey { name: name.to_string(), key: key.to_string() };
            pod.env_secret_key_refs.entry(variable).or_insert(reference);
        }
        Ok(())
    }

    fn number(&self, key: &str) -> Result<Option<i32>, Refusal> {
        let Some(text) = self.0.get(key) else { return Ok(None) };
        let number = text.trim().parse::<i32>().ok().filter(|number| *number > 0);
        number
            .map(Some)
            .ok_or_else(|| invalid(format!("spec.sparkConf[{key}] must be a whole number above zero, not {text:?}")))
    }

    fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (String, &'a String)> {
        self.0.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?.to_string(), value)))
    }

    fn map(&self, prefix: &str, field: &mut BTreeMap<String, String>) {
        for (name, value) in self.under(prefix) {
            field.entry(name).or_insert_with(|| value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(conf: serde_json::Value, driver: serde_json::Value) -> SparkApplicationSpec {
        let spec = serde_json::json!({"type": "SQL", "mainApplicationFile": "local:///a.sql", "sparkConf": conf, "driver": driver});
        serde_json::from_value(spec).expect("spec")
    }

    #[test]
    fn keys_are_read_where_fields_say_nothing() {
        let conf = serde_json::json!({
            "spark.driver.memory": "2g", "spark.driver.cores": "2",
            "spark.executor.memoryOverhead": "512", "spark.kubernetes.executor.request.cores": "300m",
            "spark.kubernetes.driver.label.team": "a", "spark.kubernetes.driver.annotation.prometheus.io/port": "4040",
            "spark.kubernetes.driver.service.annotation.x": "y", "spark.kubernetes.node.selector.disk": "ssd",
            "spark.executorEnv.A": "1", "spark.kubernetes.driverEnv.B": "2",
            "spark.kubernetes.executor.secretKeyRef.P": "db:password", "spark.kubernetes.driver.secrets.keys": "/keys",
        });
        let spec = spec(conf, serde_json::json!({"memory": "1g", "labels": {"team": "b"}}));
        let filled = filled(&spec).expect("filled");
        let (driver, executor) = (&filled.driver, &filled.executor);
        assert_eq!(driver.pod.memory.as_deref(), Some("1g"), "the field wins");
        assert_eq!(driver.pod.labels["team"], "b", "the field wins");
        assert_eq!(driver.pod.cores, Some(2));
        assert_eq!(executor.pod.memory_overhead.as_deref(), Some("524288k"));
        assert_eq!(executor.pod.core_request.as_deref(), Some("300m"));
        assert_eq!(driver.pod.annotations["prometheus.io/port"], "4040");
        assert_eq!((driver.service_annotations["x"].as_str(), filled.node_selector["disk"].as_str()), ("y", "ssd"));
        assert_eq!((executor.pod.env_vars["A"].as_str(), driver.pod.env_vars["B"].as_str()), ("1", "2"));
        assert_eq!(executor.pod.env_secret_key_refs["P"].key, "password");
        assert_eq!(driver.pod.secrets[0].path, "/keys");
    }

    #[test]
    fn the_number_of_executors_is_the_field_then_the_key_then_one() {
        let mut spec = spec(serde_json::json!({INSTANCES: "7"}), serde_json::json!({}));
        assert_eq!((executors(&spec), filled(&spec).expect("filled").executor.instances), (7, Some(7)));
        spec.executor.instances = Some(2);
        assert_eq!((executors(&spec), filled(&spec).expect("filled").executor.instances), (2, Some(2)));
        spec = self::spec(serde_json::json!({}), serde_json::json!({}));
        assert_eq!(executors(&spec), 1);
    }

    #[test]
    fn a_value_that_cannot_be_read_names_its_key() {
        for (key, value) in [
            ("spark.driver.memory", "much"),
            ("spark.executor.cores", "few"),
            ("spark.executor.instances", "many"),
            ("spark.executor.instances", "1000000000"),
            ("spark.kubernetes.driver.secretKeyRef.P", "db"),
        ] {
            let spec = spec(serde_json::json!({key: value}), serde_json::json!({}));
            let refusal = filled(&spec).expect_err("refused");
            assert!(refusal.message.contains(&format!("spec.sparkConf[{key}]")), "{refusal}");
        }
    }
}
