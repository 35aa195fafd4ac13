//! The Kubernetes objects of an application, made from its spec and the plan. Pure: building cannot fail, reads nothing and
//! holds no client; what could be wrong was refused before.

mod disruption;
mod driver;
mod executor;
#[cfg(test)]
mod fields;
#[cfg(test)]
mod golden;
pub mod names;
mod pod;
mod ports;
mod security;
mod service;
mod sides;
mod ui;

use std::collections::BTreeSet;

pub use driver::driver_pod;
pub use executor::executor_pod;
pub use service::service;
pub use sides::{Side, side_names, sides};
pub use ui::{UiSettings, check_url_format, show as show_ui};

/// What the operator's own configuration adds to pods.
#[derive(Clone, Debug)]
pub struct EngineImage {
    /// The engine's image.
    pub reference: String,
    /// When it is pulled, where the application does not say.
    pub pull_policy: String,
}

/// What a pod depends on beside its application.
#[derive(Clone, Debug)]
pub struct Site<'a> {
    /// The engine's image.
    pub engine: &'a EngineImage,
    /// Whether a quota asks for a CPU limit.
    pub limit_cpu: bool,
    /// Host ports that pods of the cluster hold; only read for a pod that uses its node's network.
    pub taken_ports: BTreeSet<u16>,
    /// How UIs are reached from outside.
    pub ui: &'a UiSettings,
}
