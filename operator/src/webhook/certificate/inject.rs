//! Tells the API server whom to trust: writes the bundle into `caBundle` of every webhook of the two configurations, and
//! nothing else of them. Whose field it is: the chart leaves it out, so that neither takes it from the other.

use k8s_openapi::{
    ByteString,
    api::admissionregistration::v1::{
        MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
    },
};
use kube::{
    Api, Resource,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Who writes, in `metadata.managedFields`.
const MANAGER: &str = "onager-operator";

/// A kind of configuration, and where its webhooks are.
pub trait Configuration: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Serialize {
    /// Name and client of each webhook.
    fn clients(&self) -> Vec<(&str, &WebhookClientConfig)>;
}

impl Configuration for ValidatingWebhookConfiguration {
    fn clients(&self) -> Vec<(&str, &WebhookClientConfig)> {
        self.webhooks.iter().flatten().map(|webhook| (webhook.name.as_str(), &webhook.client_config)).collect()
    }
}

impl Configuration for MutatingWebhookConfiguration {
    fn clients(&self) -> Vec<(&str, &WebhookClientConfig)> {
        self.webhooks.iter().flatten().map(|webhook| (webhook.name.as_str(), &webhook.client_config)).collect()
    }
}

/// What a configuration needs so that it trusts a bundle.
#[derive(Clone, Debug, PartialEq)]
pub enum Need {
    /// It trusts all of it.
    Nothing,
    /// This strategic merge patch, over the version that was looked at.
    Patch(Value),
}

/// Looks at a configuration.
pub fn need<K: Configuration>(configuration: &K, bundle: &str) -> Need {
    let bundle = ByteString(bundle.as_bytes().to_vec());
    let other = configuration.clients().into_iter().filter(|(_, client)| client.ca_bundle.as_ref() != Some(&bundle));
    let webhooks: Vec<Value> =
        other.map(|(name, _)| json!({"name": name, "clientConfig": {"caBundle": bundle}})).collect();
    if webhooks.is_empty() {
        return Need::Nothing;
    }
    let version = configuration.meta().resource_version.as_deref();
    Need::Patch(json!({"metadata": {"resourceVersion": version}, "webhooks": webhooks}))
}

/// Writes what is needed.
///
/// # Errors
/// Those of the API server; a conflict when somebody else wrote in between.
pub async fn inject<K: Configuration>(api: &Api<K>, name: &str, need: Need) -> Result<(), kube::Error> {
    if let Need::Patch(patch) = need {
        api.patch(
            name,
            &PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() },
            &Patch::Strategic(patch),
        )
        .await?;
        tracing::info!(configuration = name, kind = %K::kind(&()), "the API server was told whom to trust");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::admissionregistration::v1::ValidatingWebhook;

    use super::*;

    #[test]
    fn only_what_differs_is_written_and_only_over_what_was_seen() {
        let webhook = |name: &str, bundle: Option<&str>| ValidatingWebhook {
            name: name.into(),
            client_config: WebhookClientConfig {
                ca_bundle: bundle.map(|text| ByteString(text.as_bytes().to_vec())),
                ..WebhookClientConfig::default()
            },
            ..ValidatingWebhook::default()
        };
        let mut configuration = ValidatingWebhookConfiguration {
            webhooks: Some(vec![webhook("a", Some("new")), webhook("b", None), webhook("c", Some("old"))]),
            ..ValidatingWebhookConfiguration::default()
        };
        configuration.metadata.resource_version = Some("7".into());
        let bundle = "bmV3";
        let wanted = json!({"metadata": {"resourceVersion": "7"}, "webhooks": [
            {"name": "b", "clientConfig": {"caBundle": bundle}}, {"name": "c", "clientConfig": {"caBundle": bundle}},
        ]});
        assert_eq!(need(&configuration, "new"), Need::Patch(wanted));
        configuration.webhooks = Some(vec![webhook("a", Some("new"))]);
        assert_eq!(need(&configuration, "new"), Need::Nothing);
    }
}
