//! Conversion as a change of text: the value of `apiVersion` and nothing else, so that comments and order stay. Whether the
//! change is right is seen by reading the result; where a change of text cannot do it, the document is written anew.

use anyhow::{Result, anyhow, bail};
use serde_json::{Map, Value};

use super::judge;

const GROUP: &str = "sparkoperator.k8s.io/";
const THEIRS: &str = "sparkoperator.k8s.io/v1beta2";
/// What it becomes.
pub const OURS: &str = "onager.dev/v1alpha1";
const KINDS: [&str; 2] = ["SparkApplication", "ScheduledSparkApplication"];

/// A converted file.
#[derive(Debug, Default, PartialEq)]
pub struct Converted {
    /// Its text.
    pub text: String,
    /// What is to be said about its objects, those of other groups left out.
    pub told: Vec<Told>,
}

/// What is to be said about an object.
#[derive(Debug, Default, PartialEq)]
pub struct Told {
    /// Such as `SparkApplication`.
    pub kind: String,
    /// `namespace/name`, or the name alone.
    pub name: String,
    /// Whether it is ours now.
    pub converted: bool,
    /// About the conversion itself.
    pub notes: Vec<String>,
    /// What is accepted and means something else, or nothing.
    pub changes: Vec<String>,
    /// For what it would be refused.
    pub faults: Vec<String>,
}

/// Converts the text of a file.
///
/// # Errors
/// When a document that names the Kubeflow operator's API is no YAML.
pub fn convert(text: &str) -> Result<Converted> {
    let mut converted = Converted::default();
    for (number, document) in split(text).into_iter().enumerate() {
        // What does not speak of that API passes through unread: it may be a template of Helm's, or anything.
        if !document.contains(GROUP) {
            converted.text.push_str(document);
            continue;
        }
        let (text, told) = one(document).map_err(|error| anyhow!("document {}: {error}", number + 1))?;
        converted.text.push_str(&text);
        converted.told.extend(told);
    }
    Ok(converted)
}

fn one(document: &str) -> Result<(String, Vec<Told>)> {
    let theirs = parse(document)?;
    let mut ours = theirs.clone();
    let mut told = Vec::new();
    if ours.get("kind").is_some_and(|kind| kind == "List") {
        for item in ours.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
            told.extend(object(item));
        }
    } else {
        told.extend(object(&mut ours));
    }
    if ours == theirs {
        return Ok((document.to_string(), told));
    }
    for changed in [change_lines(document), change_all(document)] {
        if parse(&changed).is_ok_and(|read| read == ours) {
            return Ok((changed, told));
        }
    }
    told.iter_mut().for_each(|told| told.notes.push("written anew: comments and order are lost".into()));
    let head = if document.starts_with("---") { "---\n" } else { "" };
    Ok((format!("{head}{}", serde_yaml::to_string(&ours)?), told))
}

/// Makes an object ours if it is one of theirs.
fn object(object: &mut Value) -> Option<Told> {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_string();
    let (version, kind) = (text("/apiVersion"), text("/kind"));
    if !version.starts_with(GROUP) {
        return None;
    }
    let name = if text("/metadata/name").is_empty() { text("/metadata/generateName") } else { text("/metadata/name") };
    let namespace = text("/metadata/namespace");
    let name = if namespace.is_empty() { name } else { format!("{namespace}/{name}") };
    let mut told = Told { kind, name, ..Told::default() };
    if !KINDS.contains(&told.kind.as_str()) {
        told.notes.push(format!("Onager has no {}", told.kind));
    } else if version != THEIRS {
        told.notes.push(format!("only {THEIRS} can be converted, not {version}"));
    } else {
        object["apiVersion"] = OURS.into();
        told.converted = true;
        if object.pointer("/metadata/resourceVersion").is_some() {
            told.notes.push("metadata.resourceVersion is that of an object in a cluster: remove it, and status".into());
        }
        let judged = judge::judge(object);
        (told.changes, told.faults) = (judged.changes, judged.faults);
        told.changes.extend(judge::differences(object));
    }
    Some(told)
}

/// The documents of a text, each with the line that begins it. Put together they are the text.
pub fn split(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let (mut begin, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let marker =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        if marker && at > begin {
            documents.push(&text[begin..at]);
            begin = at;
        }
        at += line.len();
    }
    documents.push(&text[begin..]);
    documents
}

/// Reads a document.
///
/// # Errors
/// In words, with the line in the document.
pub fn parse(document: &str) -> Result<Value> {
    let mut value: serde_yaml::Value = serde_yaml::from_str(document).map_err(|error| {
        let helm =
            if document.contains("{{") { " (a template of Helm's? render it with `helm template` first)" } else { "" };
        anyhow!("this is no YAML: {error}{helm}")
    })?;
    if value.apply_merge().is_err() {
        bail!("this is no YAML: a << that does not merge a map");
    }
    json(value)
}

fn json(value: serde_yaml::Value) -> Result<Value> {
    use serde_yaml::Value as Yaml;
    Ok(match value {
        Yaml::Mapping(fields) => {
            let fields = fields.into_iter().map(|(key, value)| match key {
                Yaml::String(key) => Ok((key, json(value)?)),
                // As kubectl reads them.
                Yaml::Bool(key) => Ok((key.to_string(), json(value)?)),
                Yaml::Number(key) => Ok((key.to_string(), json(value)?)),
                other => Err(anyhow!("this is no manifest: {other:?} is a key")),
            });
            Value::Object(fields.collect::<Result<Map<_, _>>>()?)
        }
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(json).collect::<Result<_>>()?),
        Yaml::Tagged(tagged) => json(tagged.value)?,
        plain => serde_json::to_value(plain)?,
    })
}

/// Lines that say `apiVersion:` and nothing else.
fn change_lines(document: &str) -> String {
    let change = |line: &str| {
        let start = line.trim_start().trim_start_matches("- ").trim_start();
        if start.starts_with("apiVersion:") || start.starts_with("\"apiVersion\":") {
            line.replacen(THEIRS, OURS, 1)
        } else {
            line.to_string()
        }
    };
    document.split_inclusive('\n').map(change).collect()
}

/// Every `apiVersion` there is, also many on a line.
fn change_all(document: &str) -> String {
    let mut changed = String::new();
    let mut rest = document;
    while let Some(at) = rest.find(THEIRS) {
        let (before, after) = rest.split_at(at);
        let key = before.trim_end_matches([' ', '"', '\'']).trim_end_matches(':').trim_end_matches([' ', '"', '\'']);
        changed.push_str(before);
        changed.push_str(if key.ends_with("apiVersion") { OURS } else { THEIRS });
        rest = &after[THEIRS.len()..];
    }
    changed + rest
}
