//! What a process sets up before anything else: stacks deep enough for plans of many levels, a runtime, and an ear for
//! the signals that ask it to leave.

use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;
use std::{env, io};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

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

/// SIGTERM and SIGINT, kept from everybody else in this process.
pub(crate) struct KeptSignals(oneshot::Receiver<&'static str>);

impl KeptSignals {
    /// Ballista would take itself off at its driver as soon as it hears one. Threads inherit what is kept from them, so this
    /// comes before the first one is started.
    pub(crate) fn keep() -> Result<Self> {
        let signals = block().map_err(|error| Error::platform(format!("cannot keep signals: {error}")))?;
        let (sender, receiver) = oneshot::channel();
        std::thread::spawn(move || sender.send(wait(&signals)));
        Ok(Self(receiver))
    }

    /// Returns when the process is asked to leave.
    pub(crate) async fn received(self) -> &'static str {
        match self.0.await {
            Ok(signal) => signal,
            Err(_) => std::future::pending().await,
        }
    }
}

#[allow(unsafe_code, reason = "the standard library has no way to block a signal; the set is filled before it is used")]
fn block() -> io::Result<libc::sigset_t> {
    let mut signals = MaybeUninit::<libc::sigset_t>::uninit();
    let failed = unsafe {
        libc::sigemptyset(signals.as_mut_ptr());
        libc::sigaddset(signals.as_mut_ptr(), libc::SIGTERM);
        libc::sigaddset(signals.as_mut_ptr(), libc::SIGINT);
        libc::pthread_sigmask(libc::SIG_BLOCK, signals.as_ptr(), std::ptr::null_mut())
    };
    match failed {
        0 => Ok(unsafe { signals.assume_init() }),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

#[allow(unsafe_code, reason = "both pointers are to values that live as long as the call")]
fn wait(signals: &libc::sigset_t) -> &'static str {
    let mut signal = 0;
    while unsafe { libc::sigwait(signals, &raw mut signal) } != 0 {}
    if signal == libc::SIGINT { "SIGINT" } else { "SIGTERM" }
}
