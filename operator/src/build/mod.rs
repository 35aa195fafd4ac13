//! The Kubernetes objects of an application, made from its spec and the plan. Pure: building cannot fail, reads nothing and
//! holds no client; what could be wrong was refused before.

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
#[cfg_attr(not(test), expect(dead_code, reason = "the life cycle does not make them yet"))]
mod ui;

use std::collections::BTreeSet;

pub use driver::driver_pod;
pub use executor::executor_pod;
pub use service::{secret, service};
#[cfg_attr(not(test), expect(unused_imports, reason = "the life cycle does not make them yet"))]
pub use ui::{UiSettings, ingresses, ui_services};

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
}
