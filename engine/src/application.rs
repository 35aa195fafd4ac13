//! The way into a process: its environment says whether it is a driver, an executor, or a run of its own on this machine.
//! It decides that and nothing more.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use onager_contract::{DriverSpec, ErrorClass, ExecutorSpec, endpoint};
use serde::de::DeserializeOwned;
use tracing::error;

use crate::functions::Functions;
use crate::overrides::var;
use crate::{Error, Result, Session, conf_files, driver, executor, fault, local, log, process};

/// A job as the driver calls it.
pub(crate) type Job = Box<dyn FnOnce(Session) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send>;

/// An application and the functions it adds to SQL.
#[derive(Default)]
pub struct Application {
    functions: Functions,
}

impl Application {
    /// An application without functions of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function; driver and executors know it, because both are this binary.
    pub fn with_udf(mut self, function: ScalarUDF) -> Self {
        self.functions.add_scalar(function);
        self
    }

    /// Adds an aggregate function.
    pub fn with_udaf(mut self, function: AggregateUDF) -> Self {
        self.functions.add_aggregate(function);
        self
    }

    /// Runs `job` where this process is the driver or stands alone; where it is an executor, works for its driver.
    pub fn run<F, Fut, E>(self, job: F) -> ExitCode
    where
        F: FnOnce(Session) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        let job: Job = Box::new(|session| {
            let running = job(session);
            Box::pin(async { running.await.map_err(|error| fault::of_job(error.into())) })
        });
        match role() {
            Ok(Role::Alone) => {
                log::start();
                local::run_job(self.functions, job)
            }
            Ok(role) => role.play(self.functions, Some(job)),
            Err(error) => refuse(&error),
        }
    }
}

/// Runs `job` as an application without functions of its own: `fn main() -> ExitCode { onager::main(job) }`.
pub fn main<F, Fut, E>(job: F) -> ExitCode
where
    F: FnOnce(Session) -> Fut + Send + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    Application::new().run(job)
}

/// Plays the role the environment names; `None` where it names none.
pub fn engine() -> Option<ExitCode> {
    match role() {
        Ok(Role::Alone) => None,
        Ok(role) => Some(role.play(Functions::default(), None)),
        Err(error) => Some(refuse(&error)),
    }
}

enum Role {
    Driver(DriverSpec),
    Executor(ExecutorSpec),
    Alone,
}

impl Role {
    fn play(self, functions: Functions, job: Option<Job>) -> ExitCode {
        log::start();
        if let Err(error) = process::with_deep_stacks() {
            return refuse(&error);
        }
        match self {
            Self::Driver(spec) => driver::run(spec, functions, job),
            Self::Executor(mut spec) => match conf_files::with_files(spec.conf) {
                Ok(conf) => {
                    spec.conf = conf;
                    executor::run(spec, functions)
                }
                Err(error) => refuse(&error),
            },
            Self::Alone => ExitCode::SUCCESS,
        }
    }
}

fn role() -> Result<Role> {
    match (read(endpoint::ENV_DRIVER)?, read(endpoint::ENV_EXECUTOR)?) {
        (Some(spec), None) => Ok(Role::Driver(spec)),
        (None, Some(spec)) => Ok(Role::Executor(spec)),
        (None, None) => Ok(Role::Alone),
        (Some(_), Some(_)) => {
            Err(Error::bad_input(format!("{} and {} are both set", endpoint::ENV_DRIVER, endpoint::ENV_EXECUTOR)))
        }
    }
}

fn read<T: DeserializeOwned>(name: &str) -> Result<Option<T>> {
    let Some(text) = var(name) else {
        return Ok(None);
    };
    serde_json::from_str(&text).map(Some).map_err(|error| Error::bad_input(format!("{name}: {error}")))
}

fn refuse(reason: &Error) -> ExitCode {
    log::start();
    error!("{reason}");
    ExitCode::from(ErrorClass::BadInput.exit_code())
}
