//! Starts the programs of a cluster so that they outlive the command, and signals them. A process is known by its id and
//! its start time, so that a number the kernel has given to another process is never signalled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::component::Component;
use crate::layout::Layout;
use crate::record::write_whole;
use crate::run;
use crate::wait::until;

/// How a program is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The file of the network namespace.
    pub netns: PathBuf,
    /// The file of the mount namespace, for a node's programs.
    pub mounts: Option<PathBuf>,
    /// The `cgroup.procs` by which a clean-up finds it.
    pub cgroup: PathBuf,
}

/// A process that cannot be mistaken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// When it started, in the kernel's ticks since boot.
    pub started: u64,
}

/// Whether a component is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Running,
    /// It is frozen.
    Paused,
    /// It does not run.
    Down,
}

/// Joins the cgroup, then starts the program in the background, so that init collects it and nobody else has to.
const LAUNCH: &str = r#"cgroup=$1 log=$2; shift 2
echo $$ > "$cgroup" || exit 1
"$@" < /dev/null >> "$log" 2>&1 &
echo $!"#;

/// Starts a component for the first time, or anew with another command.
pub fn start(layout: &Layout, component: Component, launch: &Launch) -> Result<()> {
    if let Some(process) = running(layout, component) {
        bail!("{component} runs already, as process {}", process.pid);
    }
    write_whole(&layout.command(component), &serde_json::to_vec_pretty(launch)?)?;
    spawn(layout, component, launch)
}

/// Starts a component with the command it had before.
pub fn start_again(layout: &Layout, component: Component) -> Result<()> {
    if running(layout, component).is_some() {
        return resume(layout, component);
    }
    let path = layout.command(component);
    let text = fs::read(&path).with_context(|| format!("{component} was never started: no {}", path.display()))?;
    let launch = serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
    spawn(layout, component, &launch)
}

/// Asks a component to end, and ends it after ten seconds.
pub fn stop(layout: &Layout, component: Component) -> Result<()> {
    let Some(process) = running(layout, component) else { return Ok(()) };
    signal(process, Signal::TERM);
    signal(process, Signal::CONT);
    if gone(process, Duration::from_secs(10)).is_err() {
        signal(process, Signal::KILL);
        gone(process, Duration::from_secs(30)).with_context(|| format!("{component} cannot be ended"))?;
    }
    forget(layout, component)
}

/// Ends a component at once.
pub fn kill(layout: &Layout, component: Component) -> Result<()> {
    let Some(process) = running(layout, component) else { return Ok(()) };
    signal(process, Signal::KILL);
    gone(process, Duration::from_secs(30)).with_context(|| format!("{component} cannot be ended"))?;
    forget(layout, component)
}

/// Freezes a component.
pub fn pause(layout: &Layout, component: Component) -> Result<()> {
    let process = running(layout, component).ok_or_else(|| anyhow!("{component} does not run"))?;
    signal(process, Signal::STOP);
    until(&format!("{component} pauses"), Duration::from_secs(10), || match life(layout, component) {
        Life::Paused => Ok(()),
        other => bail!("{other:?}"),
    })
}

/// Lets a frozen component go on.
pub fn resume(layout: &Layout, component: Component) -> Result<()> {
    let process = running(layout, component).ok_or_else(|| anyhow!("{component} does not run"))?;
    signal(process, Signal::CONT);
    Ok(())
}

/// Whether a component runs, is frozen, or neither.
pub fn life(layout: &Layout, component: Component) -> Life {
    match running(layout, component).and_then(|process| stat(process.pid)) {
        None => Life::Down,
        Some(stat) if matches!(stat.state, 'T' | 't') => Life::Paused,
        Some(_) => Life::Running,
    }
}

/// The component's process, while it is there.
pub fn running(layout: &Layout, component: Component) -> Option<Process> {
    let process = parse_pid_file(&fs::read_to_string(layout.pid(component)).ok()?)?;
    is_there(process).then_some(process)
}

/// The last lines of a component's log, to say why it does not run.
pub fn last_words(layout: &Layout, component: Component) -> String {
    let text = fs::read(layout.log(component)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

fn spawn(layout: &Layout, component: Component, launch: &Launch) -> Result<()> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", LAUNCH, "launch"]).arg(&launch.cgroup).arg(layout.log(component));
    command.args(["setsid", "nsenter"]).arg(format!("--net={}", launch.netns.display()));
    if let Some(mounts) = &launch.mounts {
        command.arg(format!("--mount={}", mounts.display())).arg("--wd=/");
    }
    command.arg("--").args(&launch.command);
    // Nothing of the caller's environment may change what a cluster does, least of all its proxy settings.
    command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/");
    command.current_dir("/");
    let said = run::output(&mut command).with_context(|| format!("cannot start {component}"))?;
    let pid: u32 = said.trim().parse().with_context(|| format!("starting {component} answered {said:?}"))?;
    let stat = stat(pid).ok_or_else(|| anyhow!("{component} ended at once: {}", last_words(layout, component)))?;
    write_whole(&layout.pid(component), format!("{pid} {}\n", stat.started).as_bytes())
}

fn forget(layout: &Layout, component: Component) -> Result<()> {
    let path = layout.pid(component);
    fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
}

fn signal(process: Process, signal: Signal) {
    if !is_there(process) {
        return;
    }
    if let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) {
        // It may end by itself in this very moment; what counts is asked afterwards.
        let _ = kill_process(pid, signal);
    }
}

fn gone(process: Process, limit: Duration) -> Result<()> {
    until("its end", limit, || if is_there(process) { bail!("process {} is there", process.pid) } else { Ok(()) })
}

fn is_there(process: Process) -> bool {
    let same = stat(process.pid).filter(|stat| stat.started == process.started);
    same.is_some_and(|stat| stat.state != 'Z' || has_threads(process.pid))
}

/// A killed process is a zombie while its threads still end, and until then its ports are taken.
fn has_threads(pid: u32) -> bool {
    fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task")).is_ok_and(|tasks| tasks.count() > 1)
}

struct Stat {
    state: char,
    started: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?)
}

/// The name in brackets may hold anything, so fields are counted from the last bracket.
fn parse_stat(text: &str) -> Option<Stat> {
    let mut fields = text[text.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some(Stat { state, started: fields.nth(18)?.parse().ok()? })
}

fn parse_pid_file(text: &str) -> Option<Process> {
    let (pid, started) = text.trim().split_once(' ')?;
    Some(Process { pid: pid.parse().ok()?, started: started.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let line = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2";
        let stat = parse_stat(line).expect("a stat line");
        assert_eq!((stat.state, stat.started), ('S', 98765));
    }

    #[test]
    fn a_torn_pid_file_names_no_process() {
        assert_eq!(parse_pid_file("12 345\n"), Some(Process { pid: 12, started: 345 }));
        for torn in ["", "12", "12 ", "x 1", "12 3 4"] {
            assert_eq!(parse_pid_file(torn), None, "{torn:?}");
        }
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let own = std::process::id();
        let started = stat(own).expect("this very process").started;
        assert!(is_there(Process { pid: own, started }));
        assert!(!is_there(Process { pid: own, started: started + 1 }));
    }
}
