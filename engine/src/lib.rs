//! Onager's engine: runs an application on Apache DataFusion Ballista. One binary is driver, executor or a local run,
//! as its environment says. An application written in Rust links this library and starts with [`main`]. Neither driver
//! nor executor knows Kubernetes: what they need comes in one environment variable each.

mod application;
mod conf_files;
mod deps;
mod driver;
mod executor;
mod fault;
mod functions;
mod local;
mod log;
mod metrics;
mod order;
mod outcome;
mod overrides;
mod pi;
mod process;
mod readonly;
mod redact;
mod remote_error;
mod session;
mod settings;
mod sql;
mod statements;
mod stores;
mod table;
mod words;

pub use application::{Application, main};
pub use fault::{Error, Result};
pub use session::Session;

/// What drives the engine's own binary; an application has no use for it.
#[doc(hidden)]
pub mod engine {
    pub use crate::application::engine as start;
    pub use crate::local::run_script;
}
