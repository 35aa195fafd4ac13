//! The command `onager`, also a plugin of kubectl (as `kubectl-onager` on the PATH). Reads its arguments, and says by its
//! exit code how things went. It knows the API alone: it neither links nor starts the engine.

mod cluster;
mod convert;
mod driver;
mod events;
mod follow;
mod kill;
mod list;
mod logs;
mod manifest;
mod print;
mod queues;
mod simulate;
mod status;
mod submit;
mod why;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Something could not be done; the message says what.
const FAILED: u8 = 1;
/// A manifest would be refused, or an application ended badly.
const BAD_END: u8 = 3;

const AFTER: &str = "Exit codes: 0 done; 1 could not be done; 2 wrong arguments; \
                     3 an application did not complete (submit --wait), or a manifest would be refused (convert).";

/// Spark-style applications on Kubernetes without Spark: manifests and daily work.
#[derive(Parser)]
#[command(name = "onager", version, after_help = AFTER)]
struct Arguments {
    #[command(flatten)]
    cluster: cluster::Options,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    Convert(convert::Arguments),
    Submit(submit::Arguments),
    List(list::Arguments),
    /// Show how an application stands, and its result.
    Status(Named),
    Logs(logs::Arguments),
    Kill(kill::Arguments),
    /// List the events of an application and of its pods.
    Events(Named),
    Why(why::Arguments),
    Queues(queues::Arguments),
    Simulate(simulate::Arguments),
}

/// What is about one application.
#[derive(clap::Args)]
struct Named {
    /// Name of the application.
    name: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", print::words(&error));
            ExitCode::from(FAILED)
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let cluster = arguments.cluster;
    match arguments.action {
        Action::Convert(arguments) => convert::run(&arguments),
        Action::Submit(arguments) => submit::run(&cluster, &arguments).await,
        Action::List(arguments) => list::run(&cluster, &arguments).await,
        Action::Status(one) => status::run(&cluster, &one.name).await,
        Action::Logs(arguments) => logs::run(&cluster, &arguments).await,
        Action::Kill(arguments) => kill::run(&cluster, &arguments).await,
        Action::Events(one) => events::run(&cluster, &one.name).await,
        Action::Why(arguments) => why::run(&cluster, &arguments).await,
        Action::Queues(arguments) => queues::run(&cluster, &arguments).await,
        Action::Simulate(arguments) => simulate::run(&arguments),
    }
}
