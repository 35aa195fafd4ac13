//! Conditions as Kubernetes has them. A condition's time changes with its status alone, so that the same facts always give
//! the same condition and nothing is written twice.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use onager_crds::Condition;

/// Sets the condition of this kind; `why` is a word and a sentence.
pub fn set(
    conditions: &mut Vec<Condition>,
    generation: Option<i64>,
    kind: &str,
    holds: bool,
    why: (&str, &str),
    now: Timestamp,
) {
    let value = if holds { "True" } else { "False" };
    let old = conditions.iter().position(|condition| condition.type_ == kind);
    let since = old
        .map(|at| &conditions[at])
        .filter(|condition| condition.status == value)
        .map_or(Time(whole_seconds(now)), |condition| condition.last_transition_time.clone());
    let condition = Condition {
        type_: kind.to_string(),
        status: value.to_string(),
        reason: why.0.to_string(),
        message: why.1.to_string(),
        observed_generation: generation,
        last_transition_time: since,
    };
    match old {
        Some(at) => conditions[at] = condition,
        None => conditions.push(condition),
    }
}

/// Times in a status are whole seconds, as Kubernetes writes them; a fraction is left off.
pub fn whole_seconds(at: Timestamp) -> Timestamp {
    let whole = if at.subsec_nanosecond() < 0 { at.as_second() - 1 } else { at.as_second() };
    Timestamp::from_second(whole).unwrap_or(at)
}
