//! The contract between operator and engine: what a driver or executor is told at its start, what a driver answers on
//! its control channel, and what it leaves behind at its end. Types, constants and the token
//! alone: no I/O, no defaults that decide.

pub mod control;
pub mod endpoint;
pub mod launch;
pub mod summary;
pub mod token;

pub use control::{Drain, ExecutorLost, Idle, Phase, Progress};
pub use launch::{Application, Deps, DriverSpec, ExecutorDemand, ExecutorSpec, Program};
pub use summary::{ErrorClass, Failure, Preview, Summary};
