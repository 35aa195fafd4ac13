//! Sets up the log: text on standard error, JSON where `ONAGER_LOG_FORMAT=json`, levels by `RUST_LOG`. Results go to
//! standard output and never through here.

use tracing_subscriber::EnvFilter;

use crate::overrides::var;

/// Ballista warns of what the driver's own words say already, and of figures that nobody asked for.
const DEFAULT_LEVELS: &str = "info,ballista_core=warn,ballista_scheduler=warn,ballista_executor=warn,datafusion=warn,\
                              object_store=warn,ballista_scheduler::display=off,\
                              ballista_scheduler::state::executor_manager=error";

/// Starts the log; a second call changes nothing.
pub(crate) fn start() {
    let levels = var("RUST_LOG").unwrap_or_else(|| DEFAULT_LEVELS.into());
    let filter = EnvFilter::try_new(&levels).unwrap_or_else(|_| EnvFilter::new(DEFAULT_LEVELS));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // An error means that a log is there already, a test's for instance.
    let _ = if var("ONAGER_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json")) {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(false).try_init()
    };
}
