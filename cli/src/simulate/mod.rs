//! `onager simulate`: what would happen if these applications came to these queues on these nodes. The decisions are made by
//! the same code as in the operator; nothing is asked of a cluster.

mod read;
mod report;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ValueEnum;
use onager_core::queue::play::Player;

use crate::{convert, print};

/// Play a scenario of nodes, queues and applications, and tell what would happen.
///
/// FILE holds YAML documents: Nodes, Queues, ResourceQuotas, PriorityClasses and SparkApplications. Annotations say what a
/// manifest cannot: `onager.dev/simulated-count` of a Node, how many there are of it; of a SparkApplication
/// `onager.dev/simulated-duration`, how long it runs, and `onager.dev/simulated-admitted: "true"`, that it runs from the
/// beginning; of a Queue or a ResourceQuota `onager.dev/simulated-from`, after how long it is like that. No cluster is needed.
#[derive(clap::Args)]
pub struct Arguments {
    /// A file of YAML or JSON; - is standard input.
    file: String,
    /// What is written.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
    /// Seconds that pods take to go when they are evicted.
    #[arg(long, default_value_t = 0, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..=86_400))]
    grace: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A time line, and a table of queues.
    Text,
    /// One JSON object for each event.
    Json,
}

/// Plays the file.
///
/// # Errors
/// When it cannot be read, or holds something that would be refused.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let shown = convert::shown(&arguments.file);
    let text = convert::read(&arguments.file)?;
    let scenario = read::scenario(&text).with_context(|| shown.clone())?;
    scenario.notes.iter().for_each(|note| eprintln!("{shown}: {note}"));
    let mut report = report::Report::new(&scenario);
    let mut player = Player::new(scenario.snapshot, scenario.jobs, arguments.grace * 1000);
    for (node, at) in scenario.lost {
        player.lose(node, at);
    }
    for (change, at) in scenario.changes {
        player.change(change, at);
    }
    while let Some(events) = player.step() {
        for event in &events {
            report.note(&player, event);
            match arguments.output {
                Output::Json => print::out(&format!("{}\n", report::json(&player, report.start, event))),
                Output::Text => print::out(&format!("{}\n", report::line(&player, report.start, event))),
            }
        }
    }
    if arguments.output == Output::Text {
        print::out(&format!("\n{}", report.table(&player)));
    }
    Ok(ExitCode::SUCCESS)
}
