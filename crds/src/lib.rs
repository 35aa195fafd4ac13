//! Onager's API: the types of its custom resources, their defaults and the rules that the API server itself can check.
//! The YAML under `yaml/` is generated from them. What a cluster looks like, and what to do about it, is not known here.

pub mod application;
pub mod crd;
pub mod memory;
pub mod pods;
pub mod status;

pub use application::{
    ApplicationType, DeployMode, RestartPolicy, RestartPolicyType, SparkApplication, SparkApplicationSpec,
};
pub use memory::{MemoryError, parse_memory};
pub use pods::{DriverSpec, ExecutorSpec, PodFields, SecretKey};
pub use status::{
    ApplicationState, Condition, DriverInfo, ExecutorFailure, ExecutorStatus, ResultPreview, ResultSummary,
    SparkApplicationStatus, State,
};
