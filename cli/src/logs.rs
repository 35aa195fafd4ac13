//! `onager logs`: what the driver, or an executor, printed.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    cluster::Options,
    driver::{self, Source},
};

/// Print the log of an application's driver.
#[derive(clap::Args)]
pub struct Arguments {
    /// Name of the application.
    name: String,
    /// Go on as it grows, until the application has ended.
    #[arg(short, long)]
    follow: bool,
    /// The log of the executor of this index in place of the driver's.
    #[arg(short, long, value_name = "INDEX")]
    executor: Option<u32>,
}

/// Prints it.
pub async fn run(options: &Options, arguments: &Arguments) -> Result<ExitCode> {
    let cluster = options.open().await?;
    let source = arguments.executor.map_or(Source::Driver, Source::Executor);
    driver::print_log(&cluster, &arguments.name, source, arguments.follow).await?;
    Ok(ExitCode::SUCCESS)
}
