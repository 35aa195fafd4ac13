//! A summary without quantiles, a sum and a count, as the Kubeflow operator has them; the library has none.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus::{
    Opts,
    core::{Collector, Desc, Describer},
    proto::{LabelPair, Metric, MetricFamily, MetricType, Summary},
};

/// Count and sum by the values of labels.
type Seen = BTreeMap<Vec<String>, (u64, f64)>;

/// Sums and counts by the values of labels.
#[derive(Clone)]
pub struct SummaryVec {
    desc: Desc,
    labels: Vec<String>,
    seen: Arc<Mutex<Seen>>,
}

impl SummaryVec {
    /// With these labels.
    ///
    /// # Errors
    /// When a name is not one.
    pub fn new(options: Opts, labels: &[&str]) -> Result<Self, prometheus::Error> {
        let labels: Vec<String> = labels.iter().map(|label| label.to_string()).collect();
        let mut options = options;
        options.variable_labels = labels.clone();
        Ok(Self { desc: options.describe()?, labels, seen: Arc::default() })
    }

    /// One more.
    pub fn observe(&self, values: &[String], value: f64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, sum) = seen.entry(values.to_vec()).or_default();
        *count += 1;
        *sum += value;
    }
}

impl Collector for SummaryVec {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let metrics = seen.iter().map(|(values, (count, sum))| {
            let pairs = self.labels.iter().zip(values).map(|(name, value)| {
                let mut pair = LabelPair::default();
                pair.set_name(name.clone());
                pair.set_value(value.clone());
                pair
            });
            let mut summary = Summary::default();
            summary.set_sample_count(*count);
            summary.set_sample_sum(*sum);
            let mut metric = Metric::from_label(pairs.collect());
            metric.set_summary(summary);
            metric
        });
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(MetricType::SUMMARY);
        family.set_metric(metrics.collect());
        vec![family]
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{Encoder, TextEncoder};

    use super::*;

    #[test]
    fn it_is_written_as_a_sum_and_a_count() {
        let summary = SummaryVec::new(Opts::new("seconds", "How long"), &["team"]).expect("a summary");
        summary.observe(&["blue".into()], 2.0);
        summary.observe(&["blue".into()], 3.5);
        let mut text = Vec::new();
        TextEncoder::new().encode(&summary.collect(), &mut text).expect("text");
        let text = String::from_utf8(text).expect("UTF-8");
        assert!(text.contains("seconds_sum{team=\"blue\"} 5.5\nseconds_count{team=\"blue\"} 2"), "{text}");
        assert!(text.contains("# TYPE seconds summary"), "{text}");
    }
}
