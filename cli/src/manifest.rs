//! Manifests that are to be submitted: read, turned into ours where they are the Kubeflow operator's, and refused as a whole
//! before anything is created, when something in them is no application.

use anyhow::{Context, Result, anyhow, bail};
use kube::{
    Api, Client,
    api::PostParams,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::Value;

use crate::{
    cluster,
    convert::{self, judge},
};

/// An application, or a schedule of them, that is to be created.
pub struct Manifest {
    /// `SparkApplication` or `ScheduledSparkApplication`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace, if it says one.
    pub namespace: Option<String>,
    /// The whole.
    pub object: Value,
}

/// The applications of a file, and what their author should know of each.
///
/// # Errors
/// When the file is unreadable, holds nothing or something else, or an application that would be refused.
pub fn read(file: &str) -> Result<(Vec<Manifest>, Vec<String>)> {
    let shown = convert::shown(file);
    let converted = convert::convert(&convert::read(file)?).with_context(|| shown.clone())?;
    let mut manifests = Vec::new();
    let mut remarks = Vec::new();
    for object in convert::documents(&converted.text).with_context(|| shown.clone())? {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
        let (kind, mut name) = (text("/kind"), text("/metadata/name"));
        if !text("/apiVersion").starts_with("onager.dev/") || !kind.ends_with("SparkApplication") {
            let what = if kind.is_empty() { "something without a kind".into() } else { format!("a {kind}") };
            bail!("{shown} holds {what}, {name:?}: submit takes applications alone; create the rest with kubectl");
        }
        let mut object = object.clone();
        if name.is_empty() {
            // Made here, so that a create that is sent twice is one.
            name = generated(&text("/metadata/generateName"));
            if name.is_empty() {
                bail!("{shown}: a {kind} has no metadata.name");
            }
            object["metadata"]["name"] = name.clone().into();
        }
        let judged = judge::judge(&object);
        if !judged.faults.is_empty() {
            bail!("{shown}: {kind} {name} would be refused:\n  {}", judged.faults.join("\n  "));
        }
        remarks.extend(judged.changes.into_iter().map(|change| format!("{name}: {change}")));
        let namespace = Some(text("/metadata/namespace")).filter(|namespace| !namespace.is_empty());
        manifests.push(Manifest { kind, name, namespace, object });
    }
    if manifests.is_empty() {
        bail!("{shown} holds no SparkApplication");
    }
    Ok((manifests, remarks))
}

/// A name with five characters of the time behind it; "" without a beginning.
fn generated(beginning: &str) -> String {
    if beginning.is_empty() {
        return String::new();
    }
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut rest = jiff::Timestamp::now().as_nanosecond().unsigned_abs() / 1000;
    let mut name = beginning.to_string();
    for _ in 0..5 {
        let letter = usize::try_from(rest % LETTERS.len() as u128).unwrap_or_default();
        name.push(char::from(LETTERS[letter]));
        rest /= LETTERS.len() as u128;
    }
    name
}

impl Manifest {
    /// Creates it in a namespace, and answers its UID.
    ///
    /// # Errors
    /// What the API server says, in words.
    pub async fn create(&self, client: &Client, namespace: &str) -> Result<String> {
        let mut object = self.object.clone();
        object["metadata"]["namespace"] = namespace.into();
        let object: DynamicObject =
            serde_json::from_value(object).with_context(|| format!("{} cannot be read", self.name))?;
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("onager.dev", "v1alpha1", &self.kind));
        let params = PostParams { field_manager: Some("onager".into()), ..PostParams::default() };
        let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
        let created = api.create(&params, &object).await.map_err(|error| match &error {
            kube::Error::Api(status) if status.reason == "AlreadyExists" => {
                let (kind, name) = (&self.kind, &self.name);
                anyhow!("there is a {kind} {name:?} in namespace {namespace} already: delete it, or take another name")
            }
            _ => cluster::explain(error).context(format!("{} was not submitted", self.name)),
        })?;
        Ok(created.metadata.uid.unwrap_or_default())
    }
}
