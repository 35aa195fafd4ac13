//! A node as a machine: it boots (network, file systems, containerd, images), joins the cluster (kubelet, kube-proxy), and
//! loses its power (every process, mount and link at once). Its disk, that is its folder, outlives all of that.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::address;
use crate::cgroup::Hierarchies;
use crate::component::{Component, ComponentHandle};
use crate::layout::{Layout, netns_file, node_name};
use crate::pki::Authority;
use crate::process::{self, Launch};
use crate::tools::Tools;
use crate::wait::until;
use crate::{containerd, kubelet, load, mounts, network, run};

/// A node of a cluster that is up.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    pub(crate) layout: Layout,
    pub(crate) number: usize,
}

impl NodeHandle {
    /// Its name in Kubernetes.
    pub fn name(&self) -> String {
        node_name(self.number)
    }

    /// Its number, counted from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Its address inside the cluster.
    pub fn address(&self) -> Ipv4Addr {
        address::node_address(self.number)
    }

    /// The name of its network namespace, below /run/netns; there while the node is on.
    pub fn netns(&self) -> String {
        self.layout.node_netns(self.number)
    }

    /// A command that runs inside its network namespace.
    pub fn inside(&self, program: &str) -> Command {
        run::inside(&self.netns(), program)
    }

    /// `ctr`, speaking to its containerd.
    pub fn ctr(&self) -> Command {
        containerd::ctr(&self.layout, self.number)
    }

    /// Its containerd.
    pub fn containerd(&self) -> ComponentHandle {
        self.component(Component::Containerd(self.number))
    }

    /// The folder of the pods that its kubelet runs whatever the API server says.
    pub fn static_pods(&self) -> PathBuf {
        kubelet::static_pods(&self.layout.node(self.number).join("etc"))
    }

    /// Its kubelet.
    pub fn kubelet(&self) -> ComponentHandle {
        self.component(Component::Kubelet(self.number))
    }

    /// Its kube-proxy.
    pub fn kube_proxy(&self) -> ComponentHandle {
        self.component(Component::KubeProxy(self.number))
    }

    /// Takes its power away: programs, containers, mounts and network links are gone at once.
    pub fn kill(&self) -> Result<()> {
        switch_off(&self.layout, self.number)
    }

    /// Shuts it down: everything is asked to end, and after ten seconds the power goes.
    pub fn stop(&self) -> Result<()> {
        shut_down(&self.layout, self.number)
    }

    /// Switches it on again, with the disk it had.
    pub fn start(&self) -> Result<()> {
        boot(&self.layout, self.number, &Hierarchies::find()?)?;
        for archive in load::remembered(&self.layout) {
            load::into_node(&self.layout, self.number, &archive)?;
        }
        for component in Component::of_node(self.number) {
            process::start_again(&self.layout, component)?;
        }
        Ok(())
    }

    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        netns_file(&self.netns()).exists()
    }

    fn component(&self, component: Component) -> ComponentHandle {
        ComponentHandle { layout: self.layout.clone(), component }
    }
}

/// Brings a node so far that images can be loaded.
pub fn boot(layout: &Layout, node: usize, cgroups: &Hierarchies) -> Result<()> {
    let component = Component::Containerd(node);
    if process::running(layout, component).is_none() {
        if !netns_file(&layout.node_netns(node)).exists() {
            network::add_node(layout, node)?;
        }
        if !mounts::exists(layout, node)? {
            mounts::prepare(layout)?;
            mounts::add(layout, node)?;
        }
        cgroups.for_pods(&format!("{}/pods", layout.node_cgroup(node)))?;
        let arguments = containerd::configure(&layout.node(node), node)?;
        let launch = launch(layout, cgroups, node, "/usr/bin/containerd".into(), arguments)?;
        process::start(layout, component, &launch)?;
    }
    process::resume(layout, component)?;
    containerd::wait(layout, node)
}

/// Starts what makes a booted node a part of its cluster.
pub fn join(
    layout: &Layout,
    tools: &Tools,
    cgroups: &Hierarchies,
    authority: &Authority,
    node: usize,
    cpus: Option<usize>,
) -> Result<()> {
    for component in [Component::Kubelet(node), Component::KubeProxy(node)] {
        if process::running(layout, component).is_some() {
            process::resume(layout, component)?;
            continue;
        }
        let arguments = match component {
            Component::Kubelet(_) => kubelet::configure(layout, authority, node, cpus)?,
            _ => kubelet::configure_proxy(layout, authority, node)?,
        };
        let program = tools.kubernetes(component.program()).display().to_string();
        process::start(layout, component, &launch(layout, cgroups, node, program, arguments)?)?;
    }
    Ok(())
}

/// Ends a node with everything on it.
pub fn switch_off(layout: &Layout, node: usize) -> Result<()> {
    Hierarchies::find()?.remove(&layout.node_cgroup(node))?;
    mounts::remove(layout, node)?;
    network::remove_node(layout, node)
}

/// Asks everything on a node to end, the kubelet first so that it starts nothing anew.
pub fn shut_down(layout: &Layout, node: usize) -> Result<()> {
    process::stop(layout, Component::Kubelet(node))?;
    let (cgroups, cgroup) = (Hierarchies::find()?, layout.node_cgroup(node));
    cgroups.signal(&cgroup, Signal::TERM);
    cgroups.signal(&cgroup, Signal::CONT);
    // Not all of it ends when asked: what is left loses its power.
    let _ = until("the node's processes end", Duration::from_secs(10), || match cgroups.processes(&cgroup).len() {
        0 => Ok(()),
        left => bail!("{left} processes are there"),
    });
    switch_off(layout, node)
}

fn launch(
    layout: &Layout,
    cgroups: &Hierarchies,
    node: usize,
    program: String,
    arguments: Vec<String>,
) -> Result<Launch> {
    let mut command = vec![program];
    command.extend(arguments);
    Ok(Launch {
        command,
        netns: netns_file(&layout.node_netns(node)),
        mounts: Some(layout.mount_namespace(node)),
        cgroup: cgroups.for_process(&format!("{}/system", layout.node_cgroup(node)))?,
    })
}
