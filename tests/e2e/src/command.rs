//! Runs programs to their end. One that fails is an error with what it was and what it said.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The program's standard output.
pub async fn output(command: std::process::Command) -> Result<String> {
    output_with_input(command, "").await
}

/// The same, with `input` as its standard input.
pub async fn output_with_input(command: std::process::Command, input: &str) -> Result<String> {
    let shown = show(&command);
    let mut command = Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("cannot run {shown}"))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that does not read its input says why below.
        let _ = pipe.write_all(input.as_bytes()).await;
    }
    let done = child.wait_with_output().await.with_context(|| format!("cannot wait for {shown}"))?;
    if !done.status.success() {
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        bail!("{shown}: {}\n{}{}", done.status, out, err.trim());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

fn show(command: &std::process::Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
