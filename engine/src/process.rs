//! What a process sets up before anything else: stacks deep enough for plans of many levels, a runtime, and an ear for
//! the signals that ask it to leave.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;
use std::{env, io};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::overrides::var;
use crate::{Error, Result};

/// Plans are decoded by recursion, on threads that Ballista starts itself.
const STACK_BYTES: usize = 32 << 20;
const STACK_VARIABLE: &str = "RUST_MIN_STACK";

/// Starts this binary again in the same process where its threads would have small stacks; the standard library reads
/// their size from the environment once, and Ballista leaves no other way.
pub(crate) fn with_deep_stacks() -> Result<()> {
    if var(STACK_VARIABLE).is_some() {
        return Ok(());
    }
    let failed = |error: io::Error| Error::platform(format!("cannot start again with deeper stacks: {error}"));
    let binary = env::current_exe().map_err(failed)?;
    let error = Command::new(binary).args(env::args_os().skip(1)).env(STACK_VARIABLE, STACK_BYTES.to_string()).exec();
    Err(failed(error))
}

/// A runtime with as many workers as the container has cores, at least two: one may be busy planning.
pub(crate) fn runtime() -> Result<Runtime> {
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 16));
    let runtime =
        Builder::new_multi_thread().worker_threads(workers).thread_stack_size(STACK_BYTES).enable_all().build();
    runtime.map_err(|error| Error::platform(format!("no runtime: {error}")))
}

/// Ends a runtime without waiting for what still runs on it.
pub(crate) fn end(runtime: Runtime) {
    runtime.shutdown_timeout(Duration::from_millis(50));
}

/// Returns when the process is asked to leave, by SIGTERM or SIGINT.
pub(crate) async fn asked_to_leave() -> &'static str {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    }
}
