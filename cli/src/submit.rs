//! `onager submit`: creates applications, and on demand stays until they have ended.

use std::process::ExitCode;

use anyhow::{Result, bail};
use onager_crds::State;

use crate::{
    BAD_END,
    cluster::{Cluster, Options},
    driver::{self, Source},
    follow::{self, End},
    manifest, print,
};

/// Create the applications of a file.
///
/// Manifests of sparkoperator.k8s.io/v1beta2 are converted on the way. With --wait the exit code is 0 only when every
/// application has COMPLETED, and 3 when one has not.
#[derive(clap::Args)]
pub struct Arguments {
    /// A file of YAML or JSON; - is standard input.
    file: String,
    /// Stay until they have ended.
    #[arg(short, long)]
    wait: bool,
    /// Print the driver's log meanwhile; waits too.
    #[arg(short, long)]
    follow: bool,
}

/// Submits.
pub async fn run(options: &Options, arguments: &Arguments) -> Result<ExitCode> {
    let (manifests, remarks) = manifest::read(&arguments.file)?;
    let waits = arguments.wait || arguments.follow;
    if waits && manifests.iter().any(|manifest| manifest.kind != "SparkApplication") {
        bail!("a ScheduledSparkApplication has no end to wait for: leave --wait and --follow out");
    }
    if arguments.follow && manifests.len() > 1 {
        bail!("--follow prints one log, but there are {} applications: use --wait", manifests.len());
    }
    let mut cluster = options.open().await?;
    for manifest in &manifests {
        if let (Some(asked), Some(said)) = (&options.namespace, &manifest.namespace)
            && asked != said
        {
            bail!("{} is of namespace {said}, not {asked}: leave --namespace out", manifest.name);
        }
    }
    remarks.iter().for_each(|remark| eprintln!("warning: {remark}"));
    let mut submitted = Vec::new();
    for manifest in &manifests {
        let namespace = manifest.namespace.clone().unwrap_or_else(|| cluster.namespace.clone());
        let uid = manifest.create(&cluster.client, &namespace).await?;
        eprintln!("{} submitted in namespace {namespace}", manifest.name);
        submitted.push((namespace, manifest.name.clone(), uid));
    }
    let mut code = ExitCode::SUCCESS;
    for (namespace, name, uid) in submitted.into_iter().filter(|_| waits) {
        cluster.namespace = namespace;
        if !completes(&cluster, &name, &uid, arguments.follow).await? {
            code = ExitCode::from(BAD_END);
        }
    }
    Ok(code)
}

async fn completes(cluster: &Cluster, name: &str, uid: &str, follow: bool) -> Result<bool> {
    let end = if follow {
        let log = driver::print_log(cluster, name, Source::Driver, true);
        let (end, log) = tokio::join!(follow::to_the_end(cluster, name, uid), log);
        // An application that never came to a driver has no log, and its end says why.
        if let Err(error) = log {
            eprintln!("{name}: {}", print::words(&error));
        }
        end?
    } else {
        follow::to_the_end(cluster, name, uid).await?
    };
    match end {
        End::Deleted => {
            eprintln!("{name}: it was deleted before it ended");
            Ok(false)
        }
        End::State(app) => {
            let result = app.status.as_ref().and_then(|status| status.summary.as_ref()?.result.as_ref());
            if let Some(result) = result.filter(|_| !follow) {
                print::out(&format!("{result}\n"));
            }
            Ok(follow::state(&app) == State::Completed)
        }
    }
}
