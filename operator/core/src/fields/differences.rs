//! What is honoured and done otherwise than by the Kubeflow operator: for those who come from there. It says nothing to those
//! who write for Onager alone.

use serde_json::Value;

use super::{Difference, is_there, text};

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        path: "restartPolicy.onFailureRetries",
        applies: "`OnFailure` without this number",
        concerns: |spec| retries_on_failure(spec) && !is_there(spec, "restartPolicy.onFailureRetries"),
        why: "a run that failed is repeated up to 3 times; the Kubeflow operator repeats none where no number is given",
    },
    Difference {
        path: "restartPolicy.onSubmissionFailureRetries",
        applies: "`OnFailure` without this number",
        concerns: |spec| retries_on_failure(spec) && !is_there(spec, "restartPolicy.onSubmissionFailureRetries"),
        why: "a submission that failed is repeated up to 3 times; the Kubeflow operator repeats none where no number is given",
    },
    Difference {
        path: "restartPolicy.type",
        applies: "`OnFailure` and `Always`",
        concerns: |spec| retries_on_failure(spec) || policy(spec) == Some("Always"),
        why: "the wait before a repetition doubles each time, up to 5 minutes (or the interval, if that is longer); the Kubeflow \
              operator's grows by one interval each time, without a limit",
    },
];

fn policy(spec: &Value) -> Option<&str> {
    text(spec, "restartPolicy.type")
}

fn retries_on_failure(spec: &Value) -> bool {
    policy(spec) == Some("OnFailure")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::differences;

    fn paths(policy: serde_json::Value) -> Vec<&'static str> {
        differences(&json!({"type": "SQL", "restartPolicy": policy})).map(|difference| difference.path).collect()
    }

    #[test]
    fn only_what_a_manifest_uses_is_told() {
        assert_eq!(paths(json!(null)), [""; 0]);
        assert_eq!(paths(json!({"type": "Never", "onFailureRetryInterval": 10})), [""; 0]);
        assert_eq!(paths(json!({"type": "Always"})), ["restartPolicy.type"]);
        let numbers = json!({"type": "OnFailure", "onFailureRetries": 0, "onSubmissionFailureRetries": 5});
        assert_eq!(paths(numbers), ["restartPolicy.type"]);
    }

    #[test]
    fn retries_without_a_number_are_three_here_and_none_there() {
        let runs = json!({"type": "OnFailure", "onSubmissionFailureRetries": 5});
        assert_eq!(paths(runs), ["restartPolicy.onFailureRetries", "restartPolicy.type"]);
        let submissions = json!({"type": "OnFailure", "onFailureRetries": 5});
        assert_eq!(paths(submissions), ["restartPolicy.onSubmissionFailureRetries", "restartPolicy.type"]);
    }
}
