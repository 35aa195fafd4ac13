//! A value in an object together with the path that leads to it, so that whoever finds a fault can say where.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Fault, Verdict};

/// A value and where it is.
#[derive(Clone, Debug)]
pub struct At<'a> {
    /// Such as `spec.driver.sidecars[0].image` or `spec.sparkConf[spark.master]`.
    pub path: String,
    /// What is there.
    pub value: &'a Value,
}

impl<'a> At<'a> {
    /// The value at a path that is known.
    pub fn new(path: impl Into<String>, value: &'a Value) -> Self {
        Self { path: path.into(), value }
    }

    /// A field that is there and not null.
    pub fn field(&self, name: &str) -> Option<At<'a>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        let path = if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) };
        Some(At { path, value })
    }

    /// A field of a field, and so on.
    pub fn dig(&self, names: &[&str]) -> Option<At<'a>> {
        let (first, rest) = names.split_first()?;
        let field = self.field(first)?;
        if rest.is_empty() { Some(field) } else { field.dig(rest) }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> impl Iterator<Item = At<'a>> {
        let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().enumerate().map(|(index, value)| At { path: format!("{}[{index}]", self.path), value })
    }

    /// The items of the list in a field.
    pub fn items_of(&self, name: &str) -> Vec<At<'a>> {
        self.field(name).map(|list| list.items().collect()).unwrap_or_default()
    }

    /// The entries of a map whose keys are data: `spec.sparkConf[spark.master]`.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, At<'a>)> {
        let entries = self.value.as_object().into_iter().flatten();
        entries.map(|(key, value)| (key.as_str(), At { path: format!("{}[{key}]", self.path), value }))
    }

    /// The entries of the map in a field.
    pub fn entries_of(&self, name: &str) -> Vec<(&'a str, At<'a>)> {
        self.field(name).map(|map| map.entries().collect()).unwrap_or_default()
    }

    /// The text that is there; "" of anything else.
    pub fn text(&self) -> &'a str {
        self.value.as_str().unwrap_or_default()
    }

    /// The text of a field; "" where there is none.
    pub fn text_of(&self, name: &str) -> &'a str {
        self.value.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it says true.
    pub fn is_true(&self) -> bool {
        self.value == &Value::Bool(true)
    }

    /// That something is wrong here.
    pub fn fault(&self, verdict: &mut Verdict, message: impl Into<String>) {
        verdict.fault(Fault::new(self.path.clone(), message));
    }

    /// That something here is not as its author may think.
    pub fn warning(&self, verdict: &mut Verdict, message: impl AsRef<str>) {
        verdict.warning(format!("{}: {}", self.path, message.as_ref()));
    }
}

/// Says of each name that two of these have.
pub fn distinct<'a>(names: impl IntoIterator<Item = (At<'a>, &'a str)>, what: &str, verdict: &mut Verdict) {
    let mut seen = BTreeMap::new();
    for (at, name) in names {
        if let Some(first) = seen.get(name).filter(|_| !name.is_empty()) {
            at.fault(verdict, format!("{what} {name:?} is that of {first} too: give each its own"));
        } else {
            seen.insert(name, at.path);
        }
    }
}
