//! Runs a command to its end and turns a failure into an error that says what was run and what it answered.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::layout::netns_file;

/// Runs the command and gives its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    finish(command.stdin(Stdio::null()), None)
}

/// Runs the command with the text as its standard input.
pub fn output_with_input(command: &mut Command, input: &str) -> Result<String> {
    finish(command.stdin(Stdio::piped()), Some(input))
}

/// A command by name and arguments.
pub fn command<I, S>(program: &str, arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// A command that runs inside a network namespace. Not `ip netns exec`: that remounts /sys and hides the cgroups.
pub fn inside(netns: &str, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", netns_file(netns).display())).arg("--").arg(program);
    command
}

fn finish(command: &mut Command, input: Option<&str>) -> Result<String> {
    let shown = shown(command);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().with_context(|| format!("cannot run {shown}"))?;
    if let (Some(text), Some(mut pipe)) = (input, child.stdin.take()) {
        // A command that does not read its input says why in its own words below.
        let _ = pipe.write_all(text.as_bytes());
    }
    let done = child.wait_with_output().with_context(|| format!("cannot wait for {shown}"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        bail!("{shown}: {}: {}", done.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    let line = words.join(" ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line,
    }
}
