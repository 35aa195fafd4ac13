//! Chooses what a driver runs: a script, a built-in job, or the function of the binary it is in.

use onager_contract::{DriverSpec, Program};
use tracing::info;

use super::name_of;
use crate::application::Job;
use crate::{Error, Result, pi, sql, stores};

/// The job of `spec`; `own` is the binary's function.
pub(super) fn job(spec: &DriverSpec, own: Option<Job>) -> Result<Job> {
    info!("program: {}", name_of(&spec.program));
    match &spec.program {
        Program::Sql { script } => {
            let (uri, mark) = (script.clone(), spec.application.uid.clone());
            stores::parse(&uri)?;
            Ok(Box::new(move |session| {
                Box::pin(async move {
                    info!(script = uri, "reads the script");
                    let script = stores::fetch_text(session.stores(), &uri).await?;
                    sql::run(&session, &script, &mark).await
                })
            }))
        }
        Program::Pi => Ok(Box::new(|session| Box::pin(async move { pi::run(&session).await }))),
        Program::Rust => own.ok_or_else(|| {
            Error::bad_input("this image holds the engine alone: an application of type Rust needs its own image")
        }),
    }
}
