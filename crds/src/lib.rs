//! Onager's API: the types of its custom resources, their defaults and the rules that the API server itself can check.
//! The YAML under `yaml/` is generated from them. What a cluster looks like, and what to do about it, is not known here.

pub mod application;
pub mod crd;
pub mod memory;
pub mod options;
pub mod parts;
pub mod pods;
pub mod queue;
pub mod raw;
pub mod scheduled;
pub mod status;

pub use application::{ApplicationType, DeployMode, Scheduler, SparkApplication, SparkApplicationSpec};
pub use memory::{MemoryError, parse_memory, parse_overhead};
pub use options::{
    BatchSchedulerOptions, Dependencies, DriverIngress, DynamicAllocation, Monitoring, Prometheus, RestartPolicy,
    RestartPolicyType, ServiceType, SparkUiOptions,
};
pub use parts::{Gpu, NamePath, Port, Protocol, SecretInfo, SecretKey, SecretType};
pub use pods::{DriverSpec, ExecutorSpec, PodFields};
pub use queue::{
    MOST_WAITING, Queue, QueueOrder, QueuePreemption, QueueProvisioning, QueueReclaim, QueueSpec, QueueStatus,
    ResourceList, UserLimits, Waiting,
};
pub use raw::{Raw, quantities_as_text};
pub use scheduled::{
    ConcurrencyPolicy, ScheduleState, ScheduledSparkApplication, ScheduledSparkApplicationSpec,
    ScheduledSparkApplicationStatus,
};
pub use status::{
    ApplicationState, Condition, DriverInfo, ExecutorFailure, ExecutorStatus, QueuePlace, ResultPreview, ResultSummary,
    SparkApplicationStatus, State,
};
