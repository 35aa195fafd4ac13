//! The programs a cluster consists of, and what can be done to each while it runs. A component is started again with
//! exactly the command it was first given.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Error, Result, bail};

use crate::containerd;
use crate::layout::{Layout, node_name};
use crate::process::{self, Life};

/// One program of a cluster; those of a node carry its number, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// The store.
    Etcd,
    /// kube-apiserver.
    ApiServer,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// What plays the fake nodes, where the cluster has some.
    Kwok,
    /// A node's containerd.
    Containerd(usize),
    /// A node's kubelet.
    Kubelet(usize),
    /// A node's kube-proxy.
    KubeProxy(usize),
}

impl Component {
    /// The control plane's components, in the order in which they start.
    pub const CONTROL_PLANE: [Self; 4] = [Self::Etcd, Self::ApiServer, Self::ControllerManager, Self::Scheduler];

    /// A node's components, in the order in which they start.
    pub fn of_node(node: usize) -> [Self; 3] {
        [Self::Containerd(node), Self::Kubelet(node), Self::KubeProxy(node)]
    }

    /// Everything in a cluster of that many nodes, in the order in which it starts.
    pub fn all(nodes: usize) -> Vec<Self> {
        Self::CONTROL_PLANE.into_iter().chain((1..=nodes).flat_map(Self::of_node)).collect()
    }

    /// The node it belongs to, if any.
    pub fn node(self) -> Option<usize> {
        match self {
            Self::Containerd(node) | Self::Kubelet(node) | Self::KubeProxy(node) => Some(node),
            _ => None,
        }
    }

    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
            Self::Containerd(_) => "containerd",
            Self::Kubelet(_) => "kubelet",
            Self::KubeProxy(_) => "kube-proxy",
        }
    }

    /// The display name without a slash.
    pub(crate) fn file_name(self) -> String {
        self.to_string().replace('/', ".")
    }
}

/// `kube-apiserver`, or `node-2/kubelet`.
impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node() {
            Some(node) => write!(f, "{}/{}", node_name(node), self.program()),
            None => f.write_str(self.program()),
        }
    }
}

impl FromStr for Component {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut known = Self::all(crate::MAX_NODES);
        known.push(Self::Kwok);
        match known.iter().find(|component| component.to_string() == text) {
            Some(component) => Ok(*component),
            None => bail!(
                "no component {text:?}: use etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok, or \
                 node-N/containerd, node-N/kubelet, node-N/kube-proxy"
            ),
        }
    }
}

/// A component of a cluster that is up: start, stop, pause, resume or kill it.
#[derive(Clone, Debug)]
pub struct ComponentHandle {
    pub(crate) layout: Layout,
    pub(crate) component: Component,
}

impl ComponentHandle {
    /// Which component this is.
    pub fn component(&self) -> Component {
        self.component
    }

    /// Starts it as it was first started; does nothing where it runs already. A containerd answers when this returns: a
    /// kubelet that starts before ends at once.
    pub fn start(&self) -> Result<()> {
        process::start_again(&self.layout, self.component)?;
        match self.component {
            Component::Containerd(node) => containerd::wait(&self.layout, node),
            _ => Ok(()),
        }
    }

    /// Asks it to end (SIGTERM), and ends it where it does not within ten seconds.
    pub fn stop(&self) -> Result<()> {
        process::stop(&self.layout, self.component)
    }

    /// Freezes it (SIGSTOP): its connections stay open and nothing answers.
    pub fn pause(&self) -> Result<()> {
        process::pause(&self.layout, self.component)
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) -> Result<()> {
        process::resume(&self.layout, self.component)
    }

    /// Ends it without a warning (SIGKILL), and returns when it is gone.
    pub fn kill(&self) -> Result<()> {
        process::kill(&self.layout, self.component)
    }

    /// Whether it runs.
    pub fn life(&self) -> Life {
        process::life(&self.layout, self.component)
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        process::running(&self.layout, self.component).map(|process| process.pid)
    }

    /// The file with its output.
    pub fn log(&self) -> PathBuf {
        self.layout.log(self.component)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_read_as_it_is_written() {
        for component in Component::all(3).into_iter().chain([Component::Kwok]) {
            assert_eq!(component.to_string().parse::<Component>().ok(), Some(component));
        }
        assert!("node-0/kubelet".parse::<Component>().is_err());
        assert!("kubelet".parse::<Component>().is_err());
    }
}
