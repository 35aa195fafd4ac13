//! The rules of dynamic allocation that a spec sets: `spec.dynamicAllocation` first, then Spark's own keys in `sparkConf`, then
//! Spark's defaults. Looks at the spec alone.

use std::time::Duration;

use onager_crds::SparkApplicationSpec;

use crate::{conf, workload::Refusal};

const PREFIX: &str = "spark.dynamicAllocation.";
/// What the CRD allows; Spark has no limit of its own.
const NO_LIMIT: u32 = 10_000;

/// How the number of executors follows the work.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Executors asked for at the start. What of them is above `minimum` is given when there is room.
    pub initial: u32,
    /// The fewest; together with the driver they are the gang that is admitted, and with them the driver begins.
    pub minimum: u32,
    /// The most.
    pub maximum: u32,
    /// `executorIdleTimeout`, 60 s.
    pub idle_timeout: Duration,
    /// `schedulerBacklogTimeout`, 1 s: how long tasks wait before executors are added.
    pub backlog_timeout: Duration,
    /// `sustainedSchedulerBacklogTimeout`, the same by default: how long until more are added.
    pub sustained_timeout: Duration,
    /// `executorAllocationRatio`, 1: executors for each that the tasks could fill.
    pub ratio: f64,
    /// Whether executors with shuffle data that is still needed stay.
    pub keep_shuffle: bool,
    /// After which time without a task they leave all the same; `None` means never.
    pub shuffle_timeout: Option<Duration>,
}

impl Rules {
    /// The rules of a spec; `None` where its number of executors is fixed.
    ///
    /// # Errors
    /// A [`Refusal`] that names the field or key.
    pub fn read(spec: &SparkApplicationSpec) -> Result<Option<Self>, Refusal> {
        let conf = Conf(spec);
        let own = spec.dynamic_allocation.as_ref();
        if !own.map_or(conf.flag("enabled")?.unwrap_or(false), |own| own.enabled) {
            return Ok(None);
        }
        let field = |value: Option<i32>| value.map(|value| u32::try_from(value).unwrap_or(0));
        let number = |value: Option<i32>, key: &str| match field(value) {
            Some(value) => Ok(Some(value)),
            None => conf.number(key),
        };
        let minimum = number(own.and_then(|own| own.min_executors), "minExecutors")?.unwrap_or(0);
        let maximum = number(own.and_then(|own| own.max_executors), "maxExecutors")?.unwrap_or(NO_LIMIT);
        let initial = number(own.and_then(|own| own.initial_executors), "initialExecutors")?.unwrap_or(0);
        if maximum == 0 || maximum > NO_LIMIT {
            return Err(invalid(format!("spec.dynamicAllocation.maxExecutors must be from 1 to {NO_LIMIT}")));
        }
        if minimum > maximum {
            return Err(invalid(format!(
                "spec.dynamicAllocation.minExecutors is {minimum}, more than maxExecutors, {maximum}"
            )));
        }
        let backlog_timeout = conf.time("schedulerBacklogTimeout")?.unwrap_or(Duration::from_secs(1));
        let milliseconds = own.and_then(|own| own.shuffle_tracking_timeout);
        let shuffle_timeout = match milliseconds.and_then(|value| u64::try_from(value).ok()) {
            Some(milliseconds) => Some(Duration::from_millis(milliseconds)),
            None => conf.time("shuffleTracking.timeout")?,
        };
        let keep_shuffle = match own.and_then(|own| own.shuffle_tracking_enabled) {
            Some(value) => value,
            None => conf.flag("shuffleTracking.enabled")?.unwrap_or(true),
        };
        Ok(Some(Self {
            initial: initial.max(field(conf::instances(spec)?).unwrap_or(0)).clamp(minimum, maximum),
            minimum,
            maximum,
            idle_timeout: conf.time("executorIdleTimeout")?.unwrap_or(Duration::from_secs(60)),
            backlog_timeout,
            sustained_timeout: conf.time("sustainedSchedulerBacklogTimeout")?.unwrap_or(backlog_timeout),
            ratio: conf.ratio("executorAllocationRatio")?.unwrap_or(1.0),
            keep_shuffle,
            shuffle_timeout,
        }))
    }
}

/// Spark's own keys.
struct Conf<'a>(&'a SparkApplicationSpec);

impl Conf<'_> {
    fn read<T>(&self, key: &str, right: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
        let key = format!("{PREFIX}{key}");
        let Some(text) = self.0.spark_conf.get(&key) else { return Ok(None) };
        let value =
            read(text.trim()).ok_or_else(|| invalid(format!("spec.sparkConf[{key}] must be {right}, not {text:?}")));
        value.map(Some)
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, Refusal> {
        self.read(key, "true or false", |text| text.to_ascii_lowercase().parse().ok())
    }

    fn number(&self, key: &str) -> Result<Option<u32>, Refusal> {
        self.read(key, "a whole number from 0 to 10000", |text| {
            // Spark writes "no limit" like this.
            if text == "infinity" || text == "2147483647" {
                return Some(NO_LIMIT);
            }
            text.parse().ok().filter(|number| *number <= NO_LIMIT)
        })
    }

    fn time(&self, key: &str) -> Result<Option<Duration>, Refusal> {
        self.read(key, "a time such as 60s, 500ms or 5min", time)
    }

    fn ratio(&self, key: &str) -> Result<Option<f64>, Refusal> {
        self.read(key, "a number above 0 and at most 1", |text| {
            text.parse().ok().filter(|ratio: &f64| *ratio > 0.0 && *ratio <= 1.0)
        })
    }
}

/// A time in Spark's notation; a number alone is seconds.
fn time(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit.trim() {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

fn invalid(message: String) -> Refusal {
    Refusal { reason: "InvalidSpec", message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(
        allocation: serde_json::Value,
        conf: &[(&str, &str)],
        instances: Option<i32>,
    ) -> Result<Option<Rules>, Refusal> {
        let mut spec: SparkApplicationSpec = serde_json::from_value(json!({
            "type": "SQL", "mainApplicationFile": "local:///a.sql", "dynamicAllocation": allocation,
        }))
        .expect("spec");
        spec.spark_conf = conf.iter().map(|(key, value)| (format!("{PREFIX}{key}"), value.to_string())).collect();
        spec.executor.instances = instances;
        Rules::read(&spec)
    }

    #[test]
    fn defaults_are_those_of_spark() {
        let rules = read(json!({"enabled": true}), &[], None).expect("rules").expect("enabled");
        assert_eq!((rules.initial, rules.minimum, rules.maximum), (0, 0, NO_LIMIT));
        assert_eq!((rules.idle_timeout.as_secs(), rules.backlog_timeout.as_secs()), (60, 1));
        assert_eq!((rules.keep_shuffle, rules.shuffle_timeout), (true, None));
        assert_eq!(read(json!(null), &[], None), Ok(None));
        assert_eq!(read(json!({"enabled": false}), &[("enabled", "true")], None), Ok(None), "the field decides");
    }

    #[test]
    fn fields_come_before_keys_and_the_start_is_the_largest_of_three() {
        let keys = [("enabled", "true"), ("minExecutors", "2"), ("maxExecutors", "9"), ("executorIdleTimeout", "5min")];
        let rules = read(json!(null), &keys, Some(4)).expect("rules").expect("enabled");
        assert_eq!((rules.initial, rules.minimum, rules.maximum, rules.idle_timeout.as_secs()), (4, 2, 9, 300));
        let fields = json!({"enabled": true, "minExecutors": 1, "initialExecutors": 3, "shuffleTrackingTimeout": 1500});
        let rules = read(fields, &keys, Some(20)).expect("rules").expect("enabled");
        assert_eq!((rules.initial, rules.minimum, rules.maximum), (9, 1, 9), "never more than the most");
        assert_eq!(rules.shuffle_timeout, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn a_refusal_names_what_is_wrong() {
        let message = |allocation, conf: &[_]| read(allocation, conf, None).expect_err("refused").message;
        assert!(
            message(json!({"enabled": true, "minExecutors": 5, "maxExecutors": 4}), &[])
                .contains("more than maxExecutors, 4")
        );
        assert!(
            message(json!({"enabled": true}), &[("executorIdleTimeout", "soon")])
                .contains("executorIdleTimeout] must be a time")
        );
        assert!(
            message(json!({"enabled": true}), &[("executorAllocationRatio", "0")]).contains("executorAllocationRatio")
        );
    }
}
