//! Fake nodes: kwok says for each that it is ready, and plays the lives of its pods as stages describe them; nothing runs.
//! They are for scale. Taints keep pods away that do not ask for them.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::address::API_PORT;
use crate::cgroup::Hierarchies;
use crate::cluster::Cluster;
use crate::component::Component;
use crate::layout::{Layout, netns_file};
use crate::pki::Authority;
use crate::process::{self, Launch};
use crate::record::Lock;
use crate::wait::until;
use crate::{kubeconfig, run, tools};

/// The label, and the key of the taints, of every fake node; all have the value `true`.
pub const FAKE: &str = "fake.onager.dev/node";

/// What pods do where no other stages are given: they run at once, and end when their annotations say so.
pub const PODS: &str = include_str!("fake/pods.yaml");

const NODE: &str = include_str!("fake/node.yaml");
/// The range of fake pods' addresses: no route leads there.
const PODS_RANGE: &str = "10.245.0.0/16";
/// How long a fake node's Lease lasts, in the control plane's patience: a quarter of it is how often it is renewed.
const LEASE: u32 = 2;
const LIMIT: Duration = Duration::from_secs(60);

/// Gives a cluster that is up so many fake nodes, whatever it had before; their pods live as `stages` (YAML) say.
pub fn set(cluster: &mut Cluster, nodes: usize, stages: &str) -> Result<()> {
    let layout = cluster.layout.clone();
    let program = tools::kwok()?;
    let _lock = Lock::take(&layout)?;
    process::stop(&layout, Component::Kwok)?;
    for number in nodes + 1..=cluster.record.fake_nodes {
        let mut delete = cluster.kubectl();
        run::output(delete.args(["delete", "node", &name(number), "--ignore-not-found", "--wait=false"]))?;
    }
    cluster.record.fake_nodes = nodes;
    cluster.record.write(&layout)?;
    if nodes == 0 {
        return Ok(());
    }
    let launch = Launch {
        command: command(&layout, program.display().to_string(), stages, cluster.record.patience)?,
        netns: netns_file(&layout.netns()),
        mounts: None,
        cgroup: Hierarchies::find()?.for_process(&format!("{}/control-plane", layout.cgroup()))?,
    };
    process::start(&layout, Component::Kwok, &launch)?;
    let objects: Vec<_> = (1..=nodes).map(object).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    run::output_with_input(cluster.kubectl().args(["apply", "--server-side", "-f", "-"]), &list)?;
    until("the fake nodes are ready", LIMIT, || {
        // All in one answer: to wait for each is a request for each, and kubectl makes few a second.
        let ready = r#"jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}"#;
        let told = run::output(cluster.kubectl().args(["get", "nodes", "--selector", FAKE, "--output", ready]))?;
        let count = told.split_whitespace().filter(|status| *status == "True").count();
        ensure!(count == nodes, "{count} of {nodes} are ready; {}", process::last_words(&layout, Component::Kwok));
        Ok(())
    })
}

fn command(layout: &Layout, program: String, stages: &str, patience: u32) -> Result<Vec<String>> {
    let authority = Authority::open(&layout.pki())?;
    let user = authority.issue("kwok", "kwok", Some("system:masters"), &[], &[])?;
    let access = layout.pki().join("kwok.kubeconfig");
    let server = format!("https://127.0.0.1:{API_PORT}");
    kubeconfig::write(&access, layout.name(), &server, &authority.certificate(), &user)?;
    let options = json!({
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration",
        "options": {
            "manageNodesWithLabelSelector": format!("{FAKE}=true"),
            "cidr": PODS_RANGE,
            "nodeIP": "10.245.0.1",
            "nodeLeaseDurationSeconds": LEASE * patience,
            // Options that are left out would be zero.
            "podPlayStageParallelism": 32,
            "nodePlayStageParallelism": 4,
            "nodeLeaseParallelism": 4,
            "podsOnNodeSyncParallelism": 4,
        },
    });
    let config = layout.root().join("kwok.yaml");
    fs::write(&config, format!("{options}\n---\n{NODE}\n---\n{stages}"))
        .with_context(|| format!("cannot write {}", config.display()))?;
    let path = |path: &std::path::Path| path.display().to_string();
    Ok(vec![program, format!("--config={}", path(&config)), format!("--kubeconfig={}", path(&access))])
}

fn name(number: usize) -> String {
    format!("fake-{number}")
}

fn object(number: usize) -> serde_json::Value {
    // Pods that tolerate whatever has one effect are kept away by the other.
    let taint = |effect: &str| json!({"key": FAKE, "value": "true", "effect": effect});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name(number),
            "labels": {FAKE: "true", "kubernetes.io/hostname": name(number), "kubernetes.io/os": "linux"},
        },
        "spec": {"taints": [taint("NoSchedule"), taint("NoExecute")]},
    })
}
