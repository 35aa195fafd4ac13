//! The admission webhook as users meet it: through the API server, with the words that kubectl prints.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail, ensure};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use onager_e2e::ground::OPERATOR_NAMESPACE;
use onager_e2e::{App, Team, alone, app, in_namespace, until};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn names_all_faults_of_an_application_at_once() -> Result<()> {
    in_namespace(async |team: Team| {
        let change = json!({"driver": {"memoryLimit": "1m"}, "executor": {"coreLimit": "10m"}});
        let said = match team.start(app("etl").with(change)).await {
            Ok(_) => bail!("it was taken"),
            Err(error) => format!("{error:#}"),
        };
        for words in ["\"etl\" is invalid", "spec.driver.memoryLimit: ", "spec.executor.coreLimit: "] {
            ensure!(said.contains(words), "{said}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn warns_of_what_will_not_run() -> Result<()> {
    in_namespace(async |team: Team| {
        let file = std::env::temp_dir().join(format!("{}.json", team.name));
        let change = json!({"type": "Scala", "mainClass": "org.example.Main"});
        std::fs::write(&file, app("jvm").with(change).manifest(&team.name).to_string())?;
        let strict = ["apply", "--warnings-as-errors", "--filename", &file.display().to_string()];
        let said = team.kubectl(&strict).await;
        std::fs::remove_file(&file)?;
        let said = format!("{:#}", said.expect_err("there is a warning"));
        ensure!(said.contains("Warning: ") && said.contains("org.apache.spark.examples.SparkPi"), "{said}");
        team.run("jvm").fails("UnsupportedType").await?;
        Ok(())
    })
    .await
}

/// Nothing is refused while the certificate is exchanged, before, between, and after.
#[tokio::test(flavor = "multi_thread")]
async fn answers_while_its_certificate_changes() -> Result<()> {
    in_namespace(async |team: Team| {
        let secrets = Api::<Secret>::namespaced(team.client.clone(), OPERATOR_NAMESPACE);
        let bundle =
            async || anyhow::Ok(secrets.get("onager-webhook").await?.data.unwrap_or_default()["ca.crt"].0.clone());
        let count = |bundle: &[u8]| String::from_utf8_lossy(bundle).matches("BEGIN CERTIFICATE").count();
        let before = bundle().await?;
        ensure!(count(&before) == 1, "a change is under way");
        let over = AtomicBool::new(false);
        let ask = async {
            let mut asked = 0;
            while !over.load(Ordering::Relaxed) {
                team.apply(&app(&format!("etl-{asked}")).with(json!({"suspend": true})).manifest(&team.name)).await?;
                asked += 1;
            }
            anyhow::Ok(asked)
        };
        let change = async {
            let rotate = Patch::Merge(json!({"metadata": {"annotations": {"onager.dev/rotate": "now"}}}));
            secrets.patch("onager-webhook", &PatchParams::default(), &rotate).await?;
            let result = until("another certificate is served, and it alone is trusted", async || {
                let after = bundle().await?;
                Ok((after != before && count(&after) == 1).then_some(()))
            })
            .await;
            over.store(true, Ordering::Relaxed);
            result
        };
        let (asked, changed) = futures::join!(ask, change);
        changed?;
        ensure!(asked? > 3, "few asked meanwhile");
        let configuration =
            Api::<ValidatingWebhookConfiguration>::all(team.client.clone()).get("onager-system-onager").await?;
        let told = configuration.webhooks.unwrap_or_default().remove(0).client_config.ca_bundle.unwrap_or_default();
        ensure!(told.0 == bundle().await?, "the API server trusts another");
        Ok(())
    })
    .await
}

/// Without an answer, nothing of ours is stored; everything else goes on, and what is being deleted can go.
#[tokio::test(flavor = "multi_thread")]
async fn fails_closed_for_our_kinds_alone() -> Result<()> {
    alone(async |team: Team| {
        let run = team.start(app("held").with(json!({"suspend": true}))).await?;
        let hold = Patch::Merge(json!({"metadata": {"finalizers": ["example.org/hold"]}}));
        team.api::<onager_crds::SparkApplication>().patch(&run.name, &PatchParams::default(), &hold).await?;
        run.delete().await?;

        let place = ["--namespace", OPERATOR_NAMESPACE];
        let scale = async |to: &str| team.kubectl(&[&place[..], &["scale", "deployment/onager", to]].concat()).await;
        scale("--replicas=0").await?;
        let gone = ["wait", "--for=delete", "pod", "--selector=app.kubernetes.io/component=operator", "--timeout=60s"];
        team.kubectl(&[&place[..], &gone].concat()).await?;
        let result = while_nobody_answers(&team).await;
        scale("--replicas=1").await?;
        team.kubectl(&[&place[..], &["rollout", "status", "deployment/onager", "--timeout=120s"]].concat()).await?;
        result?;
        team.is_answered().await
    })
    .await
}

async fn while_nobody_answers(team: &Team) -> Result<()> {
    let said = match team.start(app("etl")).await {
        Ok(_) => bail!("it was taken unseen"),
        Err(error) => format!("{error:#}"),
    };
    ensure!(said.contains("failed calling webhook"), "{said}");
    team.kubectl(&["create", "configmap", "others"]).await?;
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    let api = team.api::<onager_crds::SparkApplication>();
    api.patch("held", &PatchParams::default(), &release).await?;
    until("what is deleted is gone", async || Ok(api.get_opt("held").await?.is_none().then_some(()))).await?;
    ensure!(api.list(&Default::default()).await?.iter().all(|app| app.name_any() != "etl"));
    Ok(())
}

/// Who may write applications may not yet run them as any account.
#[tokio::test(flavor = "multi_thread")]
async fn asks_whether_the_author_may_use_the_service_account() -> Result<()> {
    in_namespace(async |team: Team| {
        let verbs = json!(["get", "create", "patch", "update"]);
        let write = json!({"apiGroups": ["onager.dev"], "resources": ["sparkapplications"], "verbs": verbs});
        let act = json!({"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": ["team"], "verbs": ["impersonate"]});
        team.allow("bob", json!([write])).await?;
        team.allow("ann", json!([write, act])).await?;

        let said = match apply_as(&team, "bob", app("etl")).await {
            Ok(_) => bail!("bob's was taken"),
            Err(error) => format!("{error:#}"),
        };
        for words in ["spec.driver.serviceAccount", "\"bob\" may not use service account \"team\"", "impersonate"] {
            ensure!(said.contains(words), "{said}");
        }
        apply_as(&team, "ann", app("etl").with(json!({"suspend": true}))).await?;
        // How long it is held is bob's business too, what runs is not.
        apply_as(&team, "bob", app("etl").with(json!({"suspend": true, "timeToLiveSeconds": 3600}))).await?;
        let other = app("etl").with(json!({"suspend": true, "arguments": ["2"]}));
        ensure!(apply_as(&team, "bob", other).await.is_err(), "bob changed what runs as an account that is not his");
        let none = json!({"driver": {"serviceAccount": null}, "executor": {"serviceAccount": null}});
        apply_as(&team, "bob", app("own").with(none)).await?;
        Ok(())
    })
    .await
}

async fn apply_as(team: &Team, user: &str, app: App) -> Result<String> {
    team.apply_as(user, &app.manifest(&team.name)).await
}

/// A template in which containers' fields are the pod's, a key against a field, another namespace's Secret.
#[tokio::test(flavor = "multi_thread")]
async fn reads_templates_and_keys_as_strictly_as_pods() -> Result<()> {
    in_namespace(async |team: Team| {
        let change = json!({
            "sparkConf": {"spark.kubernetes.container.image": "another"},
            "driver": {
                "envFrom": [{"secretRef": {"name": "kube-system/keys"}}],
                "template": {"spec": {"securityContext": {"capabilities": {"drop": ["ALL"]}}, "nodeSelectr": {"a": "b"}}},
            },
        });
        let said = match team.start(app("etl").with(change)).await {
            Ok(_) => bail!("it was taken"),
            Err(error) => format!("{error:#}"),
        };
        for words in [
            "spec.driver.template.spec.securityContext.capabilities: a field of containers",
            "spec.driver.template.spec.nodeSelectr: unknown field",
            "spec.sparkConf[spark.kubernetes.container.image]: only the field decides",
            "spec.driver.envFrom[0].secretRef.name: names an object of another namespace",
        ] {
            ensure!(said.contains(words), "{words}\n{said}");
        }
        Ok(())
    })
    .await
}
