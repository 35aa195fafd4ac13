//! The cluster as its users see it. Every change takes the cluster's lock where two of it at once would be wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use crate::address::Uplink;
use crate::component::{Component, ComponentHandle};
use crate::layout::{Layout, node_name};
use crate::node::{self, NodeHandle};
use crate::record::{Lock, Record};
use crate::status::Status;
use crate::{down, fake, load, preflight, process, run, up};

/// What a cluster is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its name; clusters of different names do not know of each other.
    pub name: String,
    /// How many nodes it has.
    pub nodes: usize,
    /// How many CPUs each node says it has for pods, of those of the machine [default: as it was made, or all].
    pub cpus: Option<usize>,
    /// Whether CoreDNS and MinIO come with it.
    pub addons: bool,
    /// Seconds for which a node may be silent before it counts as lost.
    pub patience: u32,
    /// Whether progress is kept off standard error.
    pub quiet: bool,
}

/// Lost nodes are seen soon: what tests want.
pub(crate) const PATIENCE: u32 = 8;

impl Config {
    /// Two nodes with CoreDNS and MinIO.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), nodes: 2, cpus: None, addons: true, patience: PATIENCE, quiet: false }
    }

    /// The same with another number of nodes.
    pub fn with_nodes(self, nodes: usize) -> Self {
        Self { nodes, ..self }
    }
}

/// A cluster. Dropping it changes nothing: the cluster lives until `down`.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(crate) layout: Layout,
    pub(crate) record: Record,
}

impl Cluster {
    /// Brings a cluster up, and returns when its nodes and add-ons are ready. On one that runs it changes nothing; what
    /// of it stands still is started, and nodes are added or removed to the number asked for.
    pub fn up(config: Config) -> Result<Self> {
        up::up(&config)
    }

    /// The cluster of that name, running or not.
    pub fn open(name: &str) -> Result<Self> {
        let layout = Layout::of(name)?;
        match Record::read(&layout)? {
            Some(record) => Ok(Self { layout, record }),
            None => bail!("there is no cluster {name}: run `onager-cluster up --name {name}`"),
        }
    }

    /// The names of all clusters.
    pub fn names() -> Result<Vec<String>> {
        let folder = Layout::of("any")?.clusters();
        let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }

    /// Removes the cluster of that name, whatever state it is in; nothing of it is left.
    pub fn remove(name: &str) -> Result<()> {
        let layout = Layout::of(name)?;
        preflight::check_root()?;
        let _lock = Lock::take(&layout)?;
        down::remove(&layout)
    }

    /// Removes this cluster; nothing of it is left.
    pub fn down(self) -> Result<()> {
        Self::remove(self.layout.name())
    }

    /// Shuts every node and the control plane down. `up` brings them back with all their data.
    pub fn stop(&self) -> Result<()> {
        let _lock = Lock::take(&self.layout)?;
        thread::scope(|scope| {
            let stops: Vec<_> =
                self.numbers().map(|number| scope.spawn(move || node::shut_down(&self.layout, number))).collect();
            stops.into_iter().try_for_each(|stop| stop.join().map_err(|_| anyhow!("stopping a node panicked"))?)
        })?;
        process::stop(&self.layout, Component::Kwok)?;
        Component::CONTROL_PLANE.iter().rev().try_for_each(|component| process::stop(&self.layout, *component))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.layout.name()
    }

    /// What of it runs.
    pub fn status(&self) -> Status {
        Status::of(self)
    }

    /// Loads an image archive into every node that is on; nodes that have the image are left alone, and nodes that are off
    /// get it when they start.
    pub fn load_image(&self, archive: impl AsRef<Path>) -> Result<()> {
        {
            let _lock = Lock::take(&self.layout)?;
            load::remember(&self.layout, archive.as_ref())?;
        }
        let on: Vec<usize> = self.nodes().iter().filter(|node| node.is_on()).map(NodeHandle::number).collect();
        load::into_nodes(&self.layout, &on, archive.as_ref()).map(drop)
    }

    /// Gives it so many fake nodes, whatever it had before. Their pods live as the stages (kwok's, as YAML) say; without
    /// stages they run at once, and end when their annotations say so.
    pub fn set_fake_nodes(&mut self, nodes: usize, stages: Option<&str>) -> Result<()> {
        fake::set(self, nodes, stages.unwrap_or(fake::PODS))
    }

    /// The kubeconfig with which the host reaches it.
    pub fn kubeconfig(&self) -> PathBuf {
        self.layout.kubeconfig()
    }

    /// kubectl of the cluster's own version, set to it.
    pub fn kubectl(&self) -> Command {
        up::kubectl(&self.layout, &self.record.programs)
    }

    /// Waits until the API server is ready, such as after it was started again.
    pub fn wait_api_server(&self, limit: Duration) -> Result<()> {
        up::wait_api_server(&self.layout, &self.record, limit)
    }

    /// The folder with kubectl, for a PATH.
    pub fn programs(&self) -> &Path {
        &self.record.programs
    }

    /// The API server's address as the host sees it.
    pub fn api_server(&self) -> String {
        Uplink::new(self.record.uplink).api_server()
    }

    /// The name of the control plane's network namespace, below /run/netns.
    pub fn netns(&self) -> String {
        self.layout.netns()
    }

    /// A command that runs inside the control plane's network namespace.
    pub fn inside(&self, program: &str) -> Command {
        run::inside(&self.netns(), program)
    }

    /// One of its components.
    pub fn component(&self, component: Component) -> ComponentHandle {
        ComponentHandle { layout: self.layout.clone(), component }
    }

    /// All its nodes.
    pub fn nodes(&self) -> Vec<NodeHandle> {
        self.numbers().map(|number| NodeHandle { layout: self.layout.clone(), number }).collect()
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Result<NodeHandle> {
        let found = self.nodes().into_iter().find(|node| node.name() == name);
        found.ok_or_else(|| anyhow!("no node {name:?}: there are {} to {}", node_name(1), node_name(self.record.nodes)))
    }

    fn numbers(&self) -> std::ops::RangeInclusive<usize> {
        1..=self.record.nodes
    }
}
