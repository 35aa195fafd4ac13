//! How much an object may hold. Whatever looks at each part of it beside each other part still ends in time, and nobody who
//! writes by hand comes near.

use serde_json::Value;

use super::{At, Verdict};

/// Items of a list.
const LIST: usize = 2000;
/// Entries of a map, such as sparkConf.
const MAP: usize = 5000;

/// Whether a spec is small enough to be looked at; tells what is not.
pub fn check(spec: &At<'_>, verdict: &mut Verdict) -> bool {
    let before = verdict.faults.len();
    walk(spec, verdict);
    verdict.faults.len() == before
}

fn walk(at: &At<'_>, verdict: &mut Verdict) {
    let (count, most) = match at.value {
        Value::Array(items) => (items.len(), LIST),
        Value::Object(fields) => (fields.len(), MAP),
        _ => return,
    };
    if count > most {
        at.fault(verdict, format!("has {count} entries: at most {most} are looked at"));
        return;
    }
    at.items().filter(|item| has_parts(item.value)).for_each(|item| walk(&item, verdict));
    let fields = at.value.as_object().into_iter().flatten().filter(|(_, field)| has_parts(field));
    fields.for_each(|(name, _)| at.field(name).iter().for_each(|field| walk(field, verdict)));
}

fn has_parts(value: &Value) -> bool {
    value.is_array() || value.is_object()
}
