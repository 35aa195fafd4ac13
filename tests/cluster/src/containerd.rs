//! A node's containerd: its configuration, the pods' network, and the wait for its socket. Its folders are the usual
//! ones, which the node's mount namespace makes the node's own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::address::pod_range;
use crate::component::Component;
use crate::layout::Layout;
use crate::process;
use crate::run;
use crate::support::PAUSE;
use crate::wait::until;

/// The socket, as the node's programs see it.
pub const SOCKET: &str = "/run/containerd/containerd.sock";

/// Writes the configuration, and gives the arguments that go with it.
pub fn configure(own: &Path, node: usize) -> Result<Vec<String>> {
    let networks = own.join("etc/cni");
    fs::create_dir_all(&networks).with_context(|| format!("cannot make {}", networks.display()))?;
    fs::write(networks.join("10-onager.conflist"), serde_json::to_vec_pretty(&network(node))?)?;
    let file = own.join("etc/containerd.toml");
    fs::write(&file, render(&networks)).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(vec![format!("--config={}", file.display()), "--log-level=warn".into()])
}

/// Waits until containerd answers.
pub fn wait(layout: &Layout, node: usize) -> Result<()> {
    let component = Component::Containerd(node);
    until(&format!("{component} answers"), Duration::from_secs(60), || {
        if process::running(layout, component).is_none() {
            bail!("it ended: {}", process::last_words(layout, component));
        }
        run::output(ctr(layout, node).args(["plugins", "ls", "-q"])).map(drop)
    })
}

/// `ctr`, speaking to a node's containerd about the pods' images and containers.
pub fn ctr(layout: &Layout, node: usize) -> std::process::Command {
    let mut command = std::process::Command::new("nsenter");
    command.arg(format!("--mount={}", layout.mount_namespace(node).display())).arg("--wd=/").arg("--");
    command.args(["ctr", "--address", SOCKET, "--namespace", "k8s.io"]);
    command
}

fn render(networks: &Path) -> String {
    format!(
        r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    snapshotter = "overlayfs"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{}"
"#,
        networks.display()
    )
}

/// Each pod has a link of its own, so that every packet is routed and translated, whatever the kernel does with bridges.
fn network(node: usize) -> serde_json::Value {
    json!({
        "cniVersion": "0.4.0",
        "name": "onager",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": false,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni",
                    "ranges": [[{"subnet": pod_range(node)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_get_addresses_of_their_node() {
        assert_eq!(network(3)["plugins"][0]["ipam"]["ranges"][0][0]["subnet"], "10.244.3.0/24");
        assert!(render(Path::new("/n")).contains("conf_dir = \"/n\""));
    }
}
