//! The chart with cert-manager's option: its objects are of cert-manager's API, and the operator serves what cert-manager
//! writes and renews. cert-manager itself does not run here: its definitions are real, and what it would write is written by
//! the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use kube::api::PostParams;
use kube::{Api, ResourceExt};
use onager_cluster::Authority;
use onager_e2e::ground::repository;
use onager_e2e::{Team, app, command, in_quiet_namespace, until};
use serde_json::{Value, json};

const MODULE: &str = "github.com/cert-manager/cert-manager@v1.21.2";
/// By which cert-manager's injector knows whom to tell of a Certificate.
const INJECT: &str = "cert-manager.io/inject-ca-from";
const NAME: &str = "second-onager-webhook";

#[tokio::test(flavor = "multi_thread")]
async fn that_cert_manager_makes_and_renews_are_served() -> Result<()> {
    in_quiet_namespace(async |team: Team| {
        let folder = std::env::temp_dir().join(format!("onager-e2e-{}", team.name));
        fs::create_dir_all(&folder)?;
        let served = is_served(&team, &folder).await;
        fs::remove_dir_all(&folder)?;
        served
    })
    .await
}

async fn is_served(team: &Team, folder: &Path) -> Result<()> {
    for kind in ["certificates", "issuers"] {
        let file = definitions().await?.join(format!("cert-manager.io_{kind}.yaml")).display().to_string();
        team.kubectl(&["apply", "--server-side", "--force-conflicts", "--filename", &file]).await?;
        let crd = format!("crd/{kind}.cert-manager.io");
        // Until a first condition is written, kubectl does not wait but fails.
        let established = ["wait", "--for=condition=Established", &crd, "--timeout=60s"];
        until(&format!("{crd} is known"), async || team.kubectl(&established).await.map(Some)).await?;
    }
    let teams = format!("teamNamespaces={{{}}}", team.name);
    let place =
        ["second", "charts/onager", "--namespace", &team.name, "--values", "k3d/values-dev.yaml", "--set", &teams];
    let option = [
        "--set=crds.install=false,webhook.certManager.enabled=true",
        "--set=webhook.certManager.issuerRef.name=team,webhook.certManager.issuerRef.kind=Issuer",
    ];
    // kubectl refuses fields that the kind does not have.
    let rendered =
        helm(team, &[&["template"][..], &place, &option, &["--show-only=templates/webhook.yaml"]].concat()).await?;
    let mut kubectl = team.cluster.kubectl();
    kubectl.args(["apply", "--dry-run=server", "--validate=strict", "--filename", "-"]);
    let taken = command::output_with_input(kubectl, &rendered).await?;
    ensure!(taken.contains(&format!("certificate.cert-manager.io/{NAME} created")), "{taken}");

    let first = issue(team, &folder.join("first")).await?;
    helm(team, &[&["upgrade", "--install", "--wait", "--timeout=180s"][..], &place, &option].concat()).await?;
    inject(team, &first).await?;
    team.is_answered().await?;

    // Whoever trusts the next one alone is answered once it is served.
    let next = issue(team, &folder.join("next")).await?;
    inject(team, &next).await?;
    team.is_answered().await?;
    team.start(app("etl")).await?.completes().await?;
    helm(team, &["uninstall", "second", "--namespace", &team.name, "--wait"]).await?;
    Ok(())
}

/// Where cert-manager's definitions are, as its Go module has them.
async fn definitions() -> Result<PathBuf> {
    let mut go = Command::new("go");
    go.args(["mod", "download", "-json", MODULE]).current_dir(std::env::temp_dir());
    let module: Value = serde_json::from_str(&command::output(go).await?)?;
    let folder = module["Dir"].as_str().context("the module has a folder")?;
    Ok(Path::new(folder).join("deploy/crds"))
}

/// Writes the Secret that the Certificate names, of an authority of its own, and answers that one's certificate.
async fn issue(team: &Team, folder: &Path) -> Result<Vec<u8>> {
    let authority = Authority::open(folder)?;
    let host = format!("{NAME}.{}.svc", team.name);
    let pair = authority.issue("tls", &host, None, &[&host], &[])?;
    let (certificate, key, ca) = (
        fs::read_to_string(pair.certificate)?,
        fs::read_to_string(pair.key)?,
        fs::read_to_string(authority.certificate())?,
    );
    team.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": format!("{NAME}-tls"), "namespace": team.name},
        "stringData": {"tls.crt": certificate, "tls.key": key, "ca.crt": ca},
    }))
    .await?;
    Ok(ca.into_bytes())
}

/// Tells the API server whom to trust, wherever the chart asks for it.
async fn inject(team: &Team, ca: &[u8]) -> Result<()> {
    let from = format!("{}/{NAME}", team.name);
    let mut told = 0;
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(team.client.clone());
    for mut found in validating.list(&Default::default()).await? {
        if found.annotations().get(INJECT) == Some(&from) {
            let hooks = found.webhooks.iter_mut().flatten();
            hooks.for_each(|hook| hook.client_config.ca_bundle = Some(ByteString(ca.to_vec())));
            validating.replace(&found.name_any(), &PostParams::default(), &found).await?;
            told += 1;
        }
    }
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(team.client.clone());
    for mut found in mutating.list(&Default::default()).await? {
        if found.annotations().get(INJECT) == Some(&from) {
            let hooks = found.webhooks.iter_mut().flatten();
            hooks.for_each(|hook| hook.client_config.ca_bundle = Some(ByteString(ca.to_vec())));
            mutating.replace(&found.name_any(), &PostParams::default(), &found).await?;
            told += 1;
        }
    }
    ensure!(told == 2, "{told} configurations ask for {from}");
    Ok(())
}

async fn helm(team: &Team, arguments: &[&str]) -> Result<String> {
    let mut helm = Command::new(onager_cluster::helm()?);
    helm.current_dir(repository()).args(arguments).env("KUBECONFIG", team.cluster.kubeconfig());
    command::output(helm).await
}
