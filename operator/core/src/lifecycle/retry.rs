//! `restartPolicy`: whether a run that has ended is followed by another, and how long after it. Counts alone; who asks has
//! counted the end already. What a quota or a node undid is never counted.

use std::time::Duration;

use onager_crds::{RestartPolicyType, SparkApplicationSpec, SparkApplicationStatus};

/// Retries where the policy is OnFailure and says no number.
pub const RETRIES: u32 = 3;
/// Seconds before the first repetition, where the policy does not say; the Kubeflow operator's.
const INTERVAL: u64 = 5;
/// The longest back-off, unless the interval itself is longer.
pub const LONGEST: Duration = Duration::from_secs(300);
/// A run that worked for so long and then failed is the first of a new row of failures.
pub const HEALTHY: Duration = Duration::from_secs(600);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The driver ended well.
    Well,
    /// The driver came to run, and ended badly.
    Badly,
    /// The driver never came to run.
    NotSubmitted,
    /// It would end the same way for ever.
    Final,
}

/// Whether another run follows.
pub fn follows(spec: &SparkApplicationSpec, status: &SparkApplicationStatus, end: End) -> bool {
    let policy = spec.restart_policy.clone().unwrap_or_default();
    let allowed = |retries: Option<i32>| retries.map_or(RETRIES, |retries| u32::try_from(retries).unwrap_or(0));
    match (policy.policy, end) {
        (RestartPolicyType::Never, _) | (_, End::Final) | (RestartPolicyType::OnFailure, End::Well) => false,
        (RestartPolicyType::Always, _) => true,
        (RestartPolicyType::OnFailure, End::Badly) => status.failed_attempts <= allowed(policy.on_failure_retries),
        (RestartPolicyType::OnFailure, End::NotSubmitted) => {
            status.submission_attempts <= allowed(policy.on_submission_failure_retries)
        }
    }
}

/// How long after the end the next run begins: the interval, twice as long after each further failure in a row, up to
/// [`LONGEST`].
pub fn delay(spec: &SparkApplicationSpec, status: &SparkApplicationStatus) -> Duration {
    let policy = spec.restart_policy.clone().unwrap_or_default();
    // Submissions are counted until a driver has run and ended; then from zero.
    let (interval, failures) = match status.submission_attempts {
        0 => (policy.on_failure_retry_interval, status.failed_attempts),
        submissions => (policy.on_submission_failure_retry_interval, submissions),
    };
    let seconds = interval.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(INTERVAL);
    let first = Duration::from_secs(seconds);
    first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST.max(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(policy: serde_json::Value) -> SparkApplicationSpec {
        serde_json::from_value(serde_json::json!({"type": "SQL", "restartPolicy": policy})).expect("a spec")
    }

    fn counts(failed: u32, submissions: u32) -> SparkApplicationStatus {
        SparkApplicationStatus {
            failed_attempts: failed,
            submission_attempts: submissions,
            ..SparkApplicationStatus::default()
        }
    }

    #[test]
    fn never_is_never_and_always_is_always_unless_it_is_final() {
        for end in [End::Well, End::Badly, End::NotSubmitted] {
            assert!(!follows(&spec(serde_json::json!({"type": "Never"})), &counts(1, 1), end));
            assert!(follows(&spec(serde_json::json!({"type": "Always"})), &counts(900, 900), end));
        }
        assert!(!follows(&spec(serde_json::json!({"type": "Always"})), &counts(1, 1), End::Final));
    }

    #[test]
    fn failures_of_runs_and_of_submissions_have_retries_of_their_own() {
        let policy = serde_json::json!({"type": "OnFailure", "onFailureRetries": 1, "onSubmissionFailureRetries": 0});
        let spec = spec(policy);
        assert!(follows(&spec, &counts(1, 0), End::Badly) && !follows(&spec, &counts(2, 0), End::Badly));
        assert!(!follows(&spec, &counts(0, 1), End::NotSubmitted) && !follows(&spec, &counts(0, 0), End::Well));
    }

    #[test]
    fn on_failure_without_a_number_has_three_retries() {
        let spec = spec(serde_json::json!({"type": "OnFailure"}));
        assert!(follows(&spec, &counts(3, 0), End::Badly) && !follows(&spec, &counts(4, 0), End::Badly));
    }

    #[test]
    fn the_back_off_doubles_up_to_a_limit_that_is_never_below_the_interval() {
        let short = spec(serde_json::json!({"type": "Always", "onFailureRetryInterval": 10}));
        let seconds: Vec<u64> = (0..8).map(|failed| delay(&short, &counts(failed, 0)).as_secs()).collect();
        assert_eq!(seconds, [10, 10, 20, 40, 80, 160, 300, 300]);
        let long = spec(serde_json::json!({"type": "Always", "onFailureRetryInterval": 3600}));
        assert_eq!(delay(&long, &counts(5, 0)).as_secs(), 3600);
        assert_eq!(delay(&long, &counts(5, 2)).as_secs(), 10, "submissions have an interval of their own");
    }
}
