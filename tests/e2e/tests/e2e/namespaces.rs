//! Namespaces that are deleted with applications in them: they end, nothing is made in them any more, and an application that
//! outlives its pods ends and says why.

use anyhow::{Result, bail, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::DeleteParams;
use onager_crds::SparkApplication;
use onager_e2e::data::LONG;
use onager_e2e::operator::Operator;
use onager_e2e::proxy::Proxy;
use onager_e2e::schedule::Scheduled;
use onager_e2e::{Team, app, in_namespace, in_quiet_namespace, until};
use serde_json::{Value, json};

async fn delete(team: &Team) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(team.client.clone());
    namespaces.delete(&team.name, &DeleteParams::background()).await?;
    Ok(())
}

async fn ends(team: &Team) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(team.client.clone());
    until(&format!("namespace {} ends", team.name), async || match namespaces.get_opt(&team.name).await? {
        None => Ok(Some(())),
        Some(namespace) => bail!("{:?}", namespace.status),
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_with_a_run_and_a_schedule_ends() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("long").sql(LONG).executors(2)).await?;
        let schedule = Scheduled::start(&team, app("pi"), "@every 2s", json!({"concurrencyPolicy": "Allow"})).await?;
        run.computes(2).await?;
        schedule.next_run(None).await?;
        delete(&team).await?;
        ends(&team).await
    })
    .await
}

/// The namespace controller deletes applications, too, unless somebody holds it up: here a policy does.
#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_outlives_its_pods_fails_and_says_why() -> Result<()> {
    in_quiet_namespace(async |team: Team| {
        let proxy = Proxy::start(&team.cluster, None).await?;
        let _operator = Operator::start(&team, &proxy)?;
        let again = json!({"restartPolicy": {"type": "Always", "onFailureRetryInterval": 1}});
        let run = team.start(app("long").sql(LONG).executors(2).with(again)).await?;
        run.computes(2).await?;
        team.apply(&policy(&team.name)).await?;
        let fails = async || -> Result<usize> {
            let dry = DeleteParams { dry_run: true, ..DeleteParams::default() };
            until("nobody may delete the application", async || {
                let refused = team.api::<SparkApplication>().delete("long", &dry).await;
                Ok(refused.is_err().then_some(()))
            })
            .await?;
            delete(&team).await?;
            let message = run.fails("NamespaceTerminating").await?;
            ensure!(message.contains("being terminated"), "{message}");
            until("its pods are gone", async || Ok(run.pods().await?.is_empty().then_some(()))).await?;
            Ok(proxy.writes().len())
        };
        let writes = fails().await;
        for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
            team.kubectl(&["delete", kind, &team.name]).await?;
        }
        ends(&team).await?;
        let mut after = proxy.writes().split_off(writes?);
        // Events are written in the background, the last of them after the status that was waited for.
        after.retain(|write| !write.contains("/events"));
        ensure!(after.is_empty(), "what has ended writes nothing more: {after:?}");
        Ok(())
    })
    .await
}

/// Holds applications of a namespace up: nobody may delete them.
fn policy(namespace: &str) -> Value {
    let metadata = json!({"name": namespace});
    let api = "admissionregistration.k8s.io/v1";
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": ["onager.dev"], "apiVersions": ["*"], "operations": ["DELETE"],
                "resources": ["sparkapplications"],
            }]},
            "validations": [{"expression": "false", "message": "held up"}],
        }},
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": {
            "policyName": namespace, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
        }},
    ]})
}
