//! `onager convert`: manifests of the Kubeflow operator become ours. What need not change stays as it is, comments and
//! other documents included; what changes in meaning is told on standard error.

pub mod judge;
#[cfg(test)]
mod tests;
mod text;

use std::{
    fs,
    io::{self, Read},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use serde_json::Value;

use crate::{BAD_END, print};
pub use text::{Told, convert};

/// Turn SparkApplications and ScheduledSparkApplications of sparkoperator.k8s.io/v1beta2 into Onager's, and list what
/// changes in meaning.
///
/// The manifests go to standard output, what changes to standard error. Documents of other kinds, and comments, stay as
/// they are.
#[derive(clap::Args)]
pub struct Arguments {
    /// Files of YAML or JSON; - is standard input.
    #[arg(required = true)]
    files: Vec<String>,
    /// What is written.
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Output,
    /// Write each file anew in place of printing it.
    #[arg(short, long, conflicts_with = "output")]
    write: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The text of the files with what has to change.
    Yaml,
    /// One JSON object a line, comments left out.
    Json,
}

/// Converts the files. Answers 3 where the API server or the webhook would refuse what comes out.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.write && arguments.files.iter().any(|name| name == "-") {
        bail!("standard input cannot be written: leave --write out");
    }
    let mut converted = Vec::new();
    let mut unread = 0;
    for name in &arguments.files {
        match read(name).and_then(|text| convert(&text).with_context(|| shown(name))) {
            Ok(file) => converted.push((name, file)),
            Err(error) => {
                eprintln!("error: {}", print::words(&error));
                unread += 1;
            }
        }
    }
    if unread > 0 {
        bail!("nothing was converted: {unread} of {} files cannot be read", arguments.files.len());
    }
    let (mut count, mut refused) = (0, 0);
    for (index, (name, file)) in converted.iter().enumerate() {
        file.told.iter().for_each(|told| eprint!("{}", tell(&shown(name), told)));
        count += file.told.iter().filter(|told| told.converted).count();
        refused += file.told.iter().filter(|told| !told.faults.is_empty()).count();
        match (arguments.write, arguments.output) {
            (true, _) => fs::write(name, &file.text).with_context(|| format!("cannot write {name}"))?,
            (false, Output::Yaml) => {
                if index > 0 && !file.text.starts_with("---") {
                    print::out("---\n");
                }
                let end = if file.text.ends_with('\n') { "" } else { "\n" };
                print::out(&format!("{}{end}", file.text));
            }
            (false, Output::Json) => {
                for document in documents(&file.text)? {
                    print::out(&format!("{document}\n"));
                }
            }
        }
    }
    let refusal = if refused > 0 { format!("; {refused} would be refused") } else { String::new() };
    eprintln!("{count} converted{refusal}");
    Ok(if refused > 0 { BAD_END.into() } else { ExitCode::SUCCESS })
}

/// The text of a file, or of standard input.
///
/// # Errors
/// When it cannot be read, or is no text.
pub fn read(name: &str) -> Result<String> {
    if name == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    if Path::new(name).is_dir() {
        bail!("{name} is a folder: name the files in it, such as {name}/*.yaml");
    }
    fs::read_to_string(name).with_context(|| format!("cannot read {name}"))
}

/// The documents of a text, empty ones left out, with lists taken apart.
///
/// # Errors
/// When it is no YAML.
pub fn documents(text: &str) -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    for (number, document) in text::split(text).into_iter().enumerate() {
        let value = text::parse(document).map_err(|error| anyhow!("document {}: {error}", number + 1))?;
        match value {
            Value::Null => {}
            Value::Object(mut list) if list.get("kind").is_some_and(|kind| kind == "List") => {
                if let Some(Value::Array(items)) = list.remove("items") {
                    objects.extend(items);
                }
            }
            value => objects.push(value),
        }
    }
    Ok(objects)
}

/// How a file is named in messages.
pub fn shown(name: &str) -> String {
    if name == "-" { "standard input".into() } else { name.into() }
}

/// What is said about an object.
pub fn tell(file: &str, told: &Told) -> String {
    let mut text = format!("{file}: {} {}: ", told.kind, told.name);
    let quiet = told.changes.is_empty() && told.faults.is_empty() && told.notes.is_empty();
    text += match (told.converted, quiet) {
        (true, true) => "converted; nothing changes in meaning\n",
        (true, false) => "converted\n",
        (false, _) => "left as it is\n",
    };
    for (head, lines) in [("note", &told.notes), ("changes", &told.changes), ("refused", &told.faults)] {
        for line in lines {
            text += &format!("  {head:8}{line}\n");
        }
    }
    text
}
