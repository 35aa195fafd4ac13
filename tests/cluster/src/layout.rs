//! Where a cluster keeps its files and what its kernel objects are called. All of it lies under one folder for each
//! cluster, outside the checkout; names of namespaces and cgroups follow from the cluster's name, so that a clean-up
//! finds them without any record.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::component::Component;

/// The names and places of one cluster.
#[derive(Clone, Debug)]
pub struct Layout {
    state: PathBuf,
    name: String,
}

impl Layout {
    /// The layout of the named cluster under `$ONAGER_STATE`.
    pub fn of(name: &str) -> Result<Self> {
        check_name(name)?;
        Ok(Self { state: state_folder(), name: name.to_owned() })
    }

    /// The cluster's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder of all clusters.
    pub fn clusters(&self) -> PathBuf {
        self.state.join("clusters")
    }

    /// The state folder, above all clusters.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The cluster's own folder.
    pub fn root(&self) -> PathBuf {
        self.clusters().join(&self.name)
    }

    /// The lock that one command at a time holds.
    pub fn lock(&self) -> PathBuf {
        self.clusters().join(format!(".{}.lock", self.name))
    }

    /// The file that says what this cluster is.
    pub fn record(&self) -> PathBuf {
        self.root().join("cluster.json")
    }

    /// The kubeconfig for the host.
    pub fn kubeconfig(&self) -> PathBuf {
        self.root().join("kubeconfig")
    }

    /// The folder of certificates and keys.
    pub fn pki(&self) -> PathBuf {
        self.root().join("pki")
    }

    /// etcd's data.
    pub fn etcd(&self) -> PathBuf {
        self.root().join("etcd")
    }

    /// The folder in which the nodes' mount namespaces are held.
    pub fn mount_namespaces(&self) -> PathBuf {
        self.root().join("mounts")
    }

    /// The file that holds a node's mount namespace.
    pub fn mount_namespace(&self, node: usize) -> PathBuf {
        self.mount_namespaces().join(node_name(node))
    }

    /// A node's own folder.
    pub fn node(&self, node: usize) -> PathBuf {
        self.root().join("nodes").join(node_name(node))
    }

    /// A component's output.
    pub fn log(&self, component: Component) -> PathBuf {
        self.root().join("logs").join(format!("{}.log", component.file_name()))
    }

    /// A component's process id and start time.
    pub fn pid(&self, component: Component) -> PathBuf {
        self.root().join("run").join(format!("{}.pid", component.file_name()))
    }

    /// A component's command, as it was first started.
    pub fn command(&self, component: Component) -> PathBuf {
        self.root().join("run").join(format!("{}.json", component.file_name()))
    }

    /// The control plane's network namespace.
    pub fn netns(&self) -> String {
        format!("onager-{}", self.name)
    }

    /// A node's network namespace.
    pub fn node_netns(&self, node: usize) -> String {
        format!("{}.{}", self.netns(), node_name(node))
    }

    /// The cluster's cgroup, below each hierarchy's root.
    pub fn cgroup(&self) -> String {
        format!("/onager/{}", self.name)
    }

    /// A node's cgroup: its programs and its pods.
    pub fn node_cgroup(&self, node: usize) -> String {
        format!("{}/{}", self.cgroup(), node_name(node))
    }
}

/// The name of node number `node`, counted from 1.
pub fn node_name(node: usize) -> String {
    format!("node-{node}")
}

/// The file under which a network namespace is known.
pub fn netns_file(name: &str) -> PathBuf {
    Path::new("/run/netns").join(name)
}

/// `$ONAGER_STATE`, or the usual place for a machine's state.
fn state_folder() -> PathBuf {
    env::var_os("ONAGER_STATE").filter(|v| !v.is_empty()).map_or_else(|| "/var/lib/onager".into(), PathBuf::from)
}

/// `$ONAGER_CACHE`, or the user's cache folder: the same rule as in tools/build.sh.
pub fn cache_folder() -> PathBuf {
    let set = |key: &str| env::var_os(key).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("ONAGER_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("onager")))
        .unwrap_or_else(|| set("HOME").unwrap_or_else(|| "/root".into()).join(".cache/onager"))
}

/// A name goes into paths, cgroups and namespaces: a DNS label keeps all of them plain.
fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 40 || !name.chars().all(plain) || name.starts_with('-') || name.ends_with('-') {
        bail!("cluster name {name:?}: use 1 to 40 of a-z, 0-9 and -, neither first nor last a -");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_labels_are_refused() {
        for bad in ["", "../x", "A", "a.b", "-a", "a-"] {
            assert!(Layout::of(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(Layout::of("data-platform-cluster").is_ok());
    }
}
