//! Runs a job or a script in this process with plain DataFusion: for development, and to compare a distributed answer
//! with. The same statements, stores and output as on a cluster, without executors.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use onager_contract::ErrorClass;
use tracing::error;

use crate::application::Job;
use crate::functions::Functions;
use crate::settings::{Settings, Spill};
use crate::{Result, Session, log, process, sql, stores};

/// Runs the script at `uri`.
pub fn run_script(uri: &str, conf: &BTreeMap<String, String>, arguments: &[String]) -> ExitCode {
    log::start();
    let uri = uri.to_string();
    // A mark of its own for each run, as each application on a cluster has its UID.
    let mark = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros());
    let job: Job = Box::new(move |session| {
        Box::pin(async move {
            let script = stores::fetch_text(session.stores(), &uri).await?;
            sql::run(&session, &script, &format!("local{mark}")).await
        })
    });
    run(Functions::default(), conf, arguments, job)
}

/// Runs a job with this process' arguments.
pub(crate) fn run_job(functions: Functions, job: Job) -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    run(functions, &BTreeMap::new(), &arguments, job)
}

fn run(functions: Functions, conf: &BTreeMap<String, String>, arguments: &[String], job: Job) -> ExitCode {
    match try_run(functions, conf, arguments, job) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            ExitCode::from(ErrorClass::exit_code(error.class()))
        }
    }
}

fn try_run(functions: Functions, conf: &BTreeMap<String, String>, arguments: &[String], job: Job) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get());
    let settings = Settings::new(conf, cores, functions, Spill::default())?;
    let session = Session::new(settings.local_context()?, arguments, settings.stores.clone());
    let runtime = process::runtime()?;
    let result = runtime.block_on(async { tokio::spawn(job(session)).await });
    process::end(runtime);
    result.unwrap_or_else(|error| Err(crate::Error::application(error.to_string())))
}
