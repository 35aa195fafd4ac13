//! The configuration of a node's kubelet and kube-proxy. Settings are for tests: status is reported every two seconds, and
//! the machine's own disk never makes a node evict.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::address::{API_PORT, CONTROL_PLANE, DNS_SERVICE, POD_RANGE, node_address};
use crate::kubeconfig;
use crate::layout::{Layout, node_name};
use crate::pki::Authority;

/// Writes what a kubelet needs, and gives its arguments; pods may have so many `cpus`.
pub fn configure(layout: &Layout, authority: &Authority, node: usize, cpus: Option<usize>) -> Result<Vec<String>> {
    let (name, address, etc) = (node_name(node), node_address(node), layout.node(node).join("etc"));
    let user = format!("system:node:{name}");
    let identity = authority.issue(&name, &user, Some("system:nodes"), &[&name], &[IpAddr::from(address)])?;
    kubeconfig::write(&etc.join("kubelet.kubeconfig"), layout.name(), &server(), &authority.certificate(), &identity)?;
    // Pods outside the cluster's DNS know no name server either: there is no way out.
    fs::write(etc.join("resolv.conf"), "")?;
    let mut config = kubelet(&etc, &format!("{}/pods", layout.node_cgroup(node)));
    // A kubelet says what the machine has: what pods may not have of it is kept for the system.
    let machine = std::thread::available_parallelism()?.get();
    if let Some(kept) = cpus.map(|cpus| machine.saturating_sub(cpus)).filter(|kept| *kept > 0) {
        config["systemReserved"] = json!({"cpu": kept.to_string()});
    }
    config["tlsCertFile"] = json!(identity.certificate);
    config["tlsPrivateKeyFile"] = json!(identity.key);
    config["authentication"]["x509"] = json!({"clientCAFile": authority.certificate()});
    fs::create_dir_all(static_pods(&etc)).context("cannot make the folder of static pods")?;
    write(&etc.join("kubelet.json"), &config)?;
    Ok(vec![
        format!("--config={}", etc.join("kubelet.json").display()),
        format!("--kubeconfig={}", etc.join("kubelet.kubeconfig").display()),
        format!("--hostname-override={name}"),
        format!("--node-ip={address}"),
    ])
}

/// Writes what a kube-proxy needs, and gives its arguments.
pub fn configure_proxy(layout: &Layout, authority: &Authority, node: usize) -> Result<Vec<String>> {
    let etc = layout.node(node).join("etc");
    let file = format!("{}-proxy", node_name(node));
    let identity = authority.issue(&file, "system:kube-proxy", None, &[], &[])?;
    let kubeconfig = etc.join("kube-proxy.kubeconfig");
    kubeconfig::write(&kubeconfig, layout.name(), &server(), &authority.certificate(), &identity)?;
    write(&etc.join("kube-proxy.json"), &proxy(&kubeconfig, node))?;
    Ok(vec![format!("--config={}", etc.join("kube-proxy.json").display())])
}

/// Where a kubelet looks for pods of its own; below `etc` of its node.
pub fn static_pods(etc: &Path) -> PathBuf {
    etc.join("static-pods")
}

fn server() -> String {
    format!("https://{CONTROL_PLANE}:{API_PORT}")
}

fn kubelet(etc: &Path, cgroup: &str) -> Value {
    let never = "0%";
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": false}, "webhook": {"enabled": true}},
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "failCgroupV1": false,
        "failSwapOn": false,
        "containerRuntimeEndpoint": format!("unix://{}", crate::containerd::SOCKET),
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS_SERVICE],
        "resolvConf": etc.join("resolv.conf"),
        "staticPodPath": static_pods(etc),
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        "nodeStatusUpdateFrequency": "2s",
        // The lease is renewed every quarter of this, and the controller manager waits eight seconds for it.
        "nodeLeaseDurationSeconds": 8,
        "syncFrequency": "10s",
        "serializeImagePulls": false,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "maxPods": 110,
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": never,
            "nodefs.available": never,
            "nodefs.inodesFree": never,
            "imagefs.available": never,
            "imagefs.inodesFree": never,
        },
        // The node's mount namespace shows the values it wants, so that the machine's own stay as they are.
        "protectKernelDefaults": true,
        // Lowering it needs a capability that not every machine grants.
        "oomScoreAdj": 0,
    })
}

fn proxy(kubeconfig: &Path, node: usize) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": kubeconfig},
        "mode": "iptables",
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": node_name(node),
        "bindAddress": "0.0.0.0",
        "healthzBindAddress": "0.0.0.0:10256",
        "metricsBindAddress": format!("{}:10249", Ipv4Addr::LOCALHOST),
        "oomScoreAdj": 0,
        // These are settings of the whole machine, which a namespace may not write.
        "conntrack": {
            "maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s",
        },
    })
}

fn write(path: &Path, config: &Value) -> Result<()> {
    fs::write(path, serde_json::to_vec_pretty(config)?).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_s_disk_evicts_nothing() {
        let config = kubelet(Path::new("/etc"), "/onager/one/node-1/pods");
        assert_eq!(config["evictionHard"]["imagefs.available"], "0%");
        assert_eq!(config["cgroupRoot"], "/onager/one/node-1/pods");
    }

    #[test]
    fn the_proxy_leaves_the_machine_s_settings_alone() {
        assert_eq!(proxy(Path::new("/k"), 2)["conntrack"]["maxPerCore"], 0);
        assert_eq!(proxy(Path::new("/k"), 2)["hostnameOverride"], "node-2");
    }
}
