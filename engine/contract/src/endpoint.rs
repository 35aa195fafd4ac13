//! Where things are found: ports, environment variables and paths that both sides must agree on.

/// Ballista's scheduler in the driver, gRPC.
pub const SCHEDULER_PORT: u16 = 50050;
/// Shuffle files of an executor, Arrow Flight.
pub const FLIGHT_PORT: u16 = 50051;
/// An executor's task endpoint, gRPC.
pub const EXECUTOR_PORT: u16 = 50052;
/// The driver's control channel, HTTP (see [`crate::control`]).
pub const CONTROL_PORT: u16 = 7078;
/// The driver's user interface and REST API, HTTP.
pub const UI_PORT: u16 = 4040;
/// Metrics of a driver or executor in Prometheus' format, HTTP.
pub const METRICS_PORT: u16 = 8090;

/// JSON of [`crate::DriverSpec`]: makes the process a driver.
pub const ENV_DRIVER: &str = "ONAGER_DRIVER";
/// JSON of [`crate::ExecutorSpec`]: makes the process an executor.
pub const ENV_EXECUTOR: &str = "ONAGER_EXECUTOR";
/// The pod's IP address, from the downward API.
pub const ENV_POD_IP: &str = "ONAGER_POD_IP";
/// Addresses of the driver as the kubelet puts them in for the driver's Service, host only. Executors dial it.
pub const ENV_DRIVER_HOST: &str = "ONAGER_DRIVER_HOST";

/// Shuffle files and spill; an emptyDir in every pod.
pub const WORK_DIR: &str = "/var/onager";
/// What [`crate::Deps`] brings, in driver and executors at the same path, so that a script can name it.
pub const FILES_DIR: &str = "/var/onager/files";
/// Where the kubelet reads a [`crate::Summary`] from.
pub const TERMINATION_LOG: &str = "/dev/termination-log";
/// Where the engine's binary stands in its own image.
pub const ENGINE_BINARY: &str = "/onager-engine";
/// Where the engine's binary is copied to when it is brought into a user's image.
pub const INJECTED_BINARY: &str = "/opt/onager/onager-engine";
