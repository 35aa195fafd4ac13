//! A driver, from its start to its exit code: it opens its doors, waits for its executors, runs the program, sends the
//! executors home and leaves a summary. Whatever happens in between, a summary is written and the process ends.

mod control;
mod crew;
mod digest;
mod executors;
mod graph;
mod history;
mod leaving;
mod ledger;
mod program;
mod readers;
mod recovery;
mod report;
mod scheduler;
mod ui;
mod visible;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_scheduler::scheduler_server::timestamp_millis;
use onager_contract::{DriverSpec, Phase, Program, endpoint};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::{error, info};

use crate::application::Job;
use crate::functions::Functions;
use crate::overrides::bind_address;
use crate::settings::{Settings, Spill};
use crate::{Error, Result, Session, conf_files, deps, process};

use self::report::Report;
use self::scheduler::Scheduler;
use self::ui::Facts;

/// How long a driver that was asked to leave may take to say good-bye.
const FAREWELL: Duration = Duration::from_millis(1_200);

/// `spark.sql.shuffle.partitions` by default.
const SPARKS_PARTITIONS: usize = 200;

/// Drives one run of an application.
pub(crate) fn run(spec: DriverSpec, functions: Functions, job: Option<Job>) -> ExitCode {
    let (application, attempt) =
        (format!("{}/{}", spec.application.namespace, spec.application.name), spec.application.attempt);
    info!(application, attempt, version = env!("CARGO_PKG_VERSION"), "driver starts");
    let mut report = Report::default();
    let result = process::runtime().and_then(|runtime| {
        // Within the run, so that a file that cannot be read is in its summary.
        let spec = DriverSpec { conf: conf_files::with_files(spec.conf)?, ..spec };
        let result = runtime.block_on(drive(spec, functions, job, &mut report));
        process::end(runtime);
        result
    });
    match &result {
        Ok(()) => info!(seconds = report.seconds(), "application succeeded"),
        Err(error) => error!(class = ?error.class(), "application failed: {error}"),
    }
    report.write(result.as_ref().err());
    ExitCode::from(result.err().map_or(0, |error| error.class().exit_code()))
}

async fn drive(spec: DriverSpec, functions: Functions, job: Option<Job>, report: &mut Report) -> Result<()> {
    let leaving = process::asked_to_leave();
    tokio::pin!(leaving);
    let job = program::job(&spec, job)?;
    let cores = partitions(&spec);
    let settings = Settings::new(&spec.conf, cores, functions, spill(&spec))?;
    // Executors come only once the driver's port answers: what cannot be brought ends the run here, with its reason.
    tokio::select! {
        brought = deps::bring(&spec.deps, &settings.stores) => brought?,
        signal = &mut leaving => return Err(stopped(signal)),
    }
    let scheduler = Arc::new(Scheduler::start(&spec, &settings).await?);
    let (phase, phases) = watch::channel((Phase::WaitingForExecutors, timestamp_millis()));
    serve_control(&spec, &scheduler, phases.clone()).await?;
    let application = spec.application.clone();
    let facts = Arc::new(Facts::new(
        application,
        name_of(&spec.program),
        spec.executors.clone(),
        &spec.conf,
        phases,
        scheduler.clone(),
    ));
    ui::serve(&spec, &facts).await;
    tokio::spawn(ui::narrate(facts.clone()));
    tokio::spawn(leaving::watch(scheduler.clone()));
    let context = scheduler.readers().follow(&settings.client_context(&scheduler.url())?);
    let session = Session::new(context, &spec.arguments, settings.stores.clone());
    report.follow(scheduler.clone(), session.clone());
    facts.follow(session.statements().clone());

    let waited = tokio::select! {
        waited = executors::wait_for_minimum(&spec.executors, scheduler.ledger()) => waited,
        signal = &mut leaving => Err(stopped(signal)),
    };
    let result = match waited {
        Ok(()) => {
            let _ = phase.send((Phase::Running, timestamp_millis()));
            report.begin(Instant::now());
            let mut running = tokio::spawn(job(session));
            let result = tokio::select! {
                ended = &mut running => ended.unwrap_or_else(|error| Err(panicked(error))),
                error = executors::all_lost_for_long(&spec.executors, &scheduler) => Err(error),
                signal = &mut leaving => Err(stopped(signal)),
            };
            running.abort();
            result
        }
        Err(error) => Err(error),
    };
    let _ = phase.send((Phase::Ending, timestamp_millis()));
    report.end();
    // Executors that do not answer find out by themselves that their driver is gone.
    let _ = tokio::time::timeout(FAREWELL, executors::send_home(&scheduler)).await;
    result
}

/// Into how many parts work is cut: one for each core there may come to be, but not more than Spark would make where that
/// is far above what there is at the start.
fn partitions(spec: &DriverSpec) -> usize {
    let cores = |executors: u32| executors.max(1) as usize * spec.executor_cores.max(1) as usize;
    let (now, most) = (cores(spec.executors.wanted), cores(spec.executors.maximum));
    now.max(most.min(SPARKS_PARTITIONS))
}

fn spill(spec: &DriverSpec) -> Spill {
    match spec.local_dirs.is_empty() {
        true => Spill::default(),
        false => Spill::Folders(spec.local_dirs.iter().map(Into::into).collect(), None),
    }
}

async fn serve_control(
    spec: &DriverSpec,
    scheduler: &Arc<Scheduler>,
    phases: watch::Receiver<(Phase, u64)>,
) -> Result<()> {
    let port = spec.control_port.unwrap_or(endpoint::CONTROL_PORT);
    let listener = TcpListener::bind((bind_address(), port)).await.map_err(|error| cannot_listen(port, &error))?;
    let state = control::State::new(spec.control_digest.clone(), spec.application.clone(), phases, scheduler.clone());
    tokio::spawn(control::serve(listener, state));
    Ok(())
}

fn cannot_listen(port: u16, error: &std::io::Error) -> Error {
    Error::platform(format!("cannot listen on port {port}: {error}"))
}

fn stopped(signal: &str) -> Error {
    Error::platform(format!("the driver was stopped by {signal} before the application ended"))
}

fn panicked(error: tokio::task::JoinError) -> Error {
    let Ok(payload) = error.try_into_panic() else {
        return Error::application("the application was cancelled");
    };
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
    Error::application(format!("the application panicked: {text}"))
}

/// The name a program goes by in the log.
fn name_of(program: &Program) -> &'static str {
    match program {
        Program::Sql { .. } => "SQL script",
        Program::Pi => "built-in Pi",
        Program::Rust => "Rust application",
    }
}

#[cfg(test)]
mod tests {
    use onager_contract::ErrorClass;

    use super::panicked;

    #[tokio::test]
    async fn a_panic_is_the_applications_error_with_its_words() {
        let texts: [fn(); 2] = [|| panic!("no luck"), || panic!("{} luck", "no")];
        for panics in texts {
            let ended = tokio::spawn(async move { panics() }).await;
            let error = panicked(ended.expect_err("a panic"));
            assert_eq!(error.class(), ErrorClass::Application);
            assert_eq!(error.to_string(), "the application panicked: no luck");
        }
    }
}
