//! The Kubernetes objects of an application, made from its spec and the plan. Pure: building cannot fail, reads nothing and
//! holds no client; what could be wrong was refused before.

mod driver;
mod executor;
#[cfg(test)]
mod golden;
pub mod names;
mod pod;
mod service;

pub use driver::driver_pod;
pub use executor::executor_pod;
pub use service::{secret, service};

/// What the operator's own configuration adds to pods.
#[derive(Clone, Debug)]
pub struct EngineImage {
    /// The engine's image.
    pub reference: String,
    /// When it is pulled, where the application does not say.
    pub pull_policy: String,
}
