//! What of a cluster runs at this moment. It only looks.

use std::fmt;

use crate::cluster::Cluster;
use crate::component::Component;
use crate::process::{self, Life};
use crate::record::Phase;

/// One component and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComponentStatus {
    /// The component.
    pub component: Component,
    /// Whether it runs.
    pub life: Life,
    /// Its process id, while it runs.
    pub pid: Option<u32>,
}

/// A cluster and its components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The cluster's name.
    pub name: String,
    /// Whether it was up once: if not, its first start was interrupted.
    pub complete: bool,
    /// Every component, in the order in which they start.
    pub components: Vec<ComponentStatus>,
}

impl Status {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let fake = (cluster.record.fake_nodes > 0).then_some(Component::Kwok);
        let components =
            Component::all(cluster.record.nodes).into_iter().chain(fake).map(|component| ComponentStatus {
                component,
                life: process::life(&cluster.layout, component),
                pid: process::running(&cluster.layout, component).map(|process| process.pid),
            });
        Self {
            name: cluster.layout.name().to_owned(),
            complete: cluster.record.phase == Phase::Ready,
            components: components.collect(),
        }
    }

    /// Whether every component runs.
    pub fn all_running(&self) -> bool {
        self.complete && self.components.iter().all(|status| status.life == Life::Running)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.complete, self.all_running()) {
            (false, _) => "its start was interrupted",
            (true, false) => "not all of it runs",
            (true, true) => "up",
        };
        writeln!(f, "cluster {}: {state}", self.name)?;
        for status in &self.components {
            let life = match status.life {
                Life::Running => "running",
                Life::Paused => "paused",
                Life::Down => "down",
            };
            let pid = status.pid.map(|pid| pid.to_string()).unwrap_or_default();
            writeln!(f, "  {:<26} {life:<8} {pid}", status.component.to_string())?;
        }
        Ok(())
    }
}
