//! The cgroups of a cluster: a tree of its own in every hierarchy, on machines with cgroup version 1 as well as 2. Every
//! process a cluster starts is somewhere in that tree, so the tree is also how a clean-up finds them all.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait::until;

/// The machine's hierarchies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchies {
    /// Every hierarchy in which something of a cluster may be.
    roots: Vec<PathBuf>,
    /// Those in which a kubelet expects its root to be made.
    controllers: Vec<PathBuf>,
    /// The one that keeps track of processes.
    tracking: PathBuf,
}

impl Hierarchies {
    /// Finds them among the machine's mounts.
    pub fn find() -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").context("cannot read /proc/self/mounts")?;
        parse(&mounts).ok_or_else(|| anyhow!("no cgroup hierarchy is mounted below /sys/fs/cgroup"))
    }

    /// Makes a cgroup for a component's process, and gives the file by which a process joins it.
    pub fn for_process(&self, cgroup: &str) -> Result<PathBuf> {
        let folder = below(&self.tracking, cgroup);
        make(&folder)?;
        Ok(folder.join("cgroup.procs"))
    }

    /// Makes a cgroup in every hierarchy, for a kubelet to keep its pods in.
    pub fn for_pods(&self, cgroup: &str) -> Result<()> {
        for root in &self.controllers {
            let mut folder = root.clone();
            for part in cgroup.split('/').filter(|part| !part.is_empty()) {
                let parent = folder.clone();
                folder.push(part);
                make(&folder)?;
                hand_down_controllers(&parent);
                inherit_cpuset(&parent, &folder)?;
            }
        }
        Ok(())
    }

    /// Ends every process in the tree, whatever its parents are, and removes the tree.
    pub fn remove(&self, cgroup: &str) -> Result<()> {
        self.signal(cgroup, Signal::KILL);
        until(&format!("the processes in {cgroup} end"), Duration::from_secs(60), || {
            let left = self.processes(cgroup);
            if left.is_empty() {
                return Ok(());
            }
            self.signal(cgroup, Signal::KILL);
            bail!("processes {left:?} are there")
        })?;
        for root in &self.roots {
            let folder = below(root, cgroup);
            // An ended process leaves its cgroup a moment later.
            until(&format!("{} is removed", folder.display()), Duration::from_secs(30), || remove_tree(&folder))?;
            // The last cluster takes the common parent along; one in use refuses.
            let _ = folder.parent().filter(|parent| *parent != root.as_path()).map(fs::remove_dir);
        }
        Ok(())
    }

    /// Whether the tree is there in any hierarchy.
    pub fn exists(&self, cgroup: &str) -> bool {
        self.roots.iter().any(|root| below(root, cgroup).exists())
    }

    /// Sends a signal to every process in the tree.
    pub fn signal(&self, cgroup: &str, signal: Signal) {
        for pid in self.processes(cgroup) {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, signal);
            }
        }
    }

    /// Every process in the tree, in any hierarchy.
    pub fn processes(&self, cgroup: &str) -> Vec<i32> {
        let mut found = Vec::new();
        for root in &self.roots {
            collect_processes(&below(root, cgroup), &mut found);
        }
        found.sort_unstable();
        found.dedup();
        // An ended process whose parent has not collected it holds nothing any more.
        found.retain(|pid| is_alive(*pid));
        found
    }
}

fn is_alive(pid: i32) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    text.rfind(')').is_some_and(|end| !text[end + 1..].trim_start().starts_with(['Z', 'X']))
}

fn below(root: &Path, cgroup: &str) -> PathBuf {
    root.join(cgroup.trim_start_matches('/'))
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the cgroup {}", folder.display()))
}

/// A version 1 cpuset starts empty and takes no process until it has CPUs and memory nodes.
fn inherit_cpuset(parent: &Path, folder: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let (from, to) = (parent.join(file), folder.join(file));
        if !parent.join("cgroup.clone_children").exists() || !from.exists() {
            continue;
        }
        let value = fs::read_to_string(&from).with_context(|| format!("cannot read {}", from.display()))?;
        if fs::read_to_string(&to).is_ok_and(|own| own.trim().is_empty()) {
            fs::write(&to, value.trim()).with_context(|| format!("cannot write {}", to.display()))?;
        }
    }
    Ok(())
}

/// Version 2 gives a cgroup only the controllers that its parent hands down; version 1 has no such file.
fn hand_down_controllers(parent: &Path) {
    for controller in fs::read_to_string(parent.join("cgroup.controllers")).unwrap_or_default().split_whitespace() {
        // One that cannot be handed down is one the kubelet does without, or names itself.
        let _ = fs::write(parent.join("cgroup.subtree_control"), format!("+{controller}"));
    }
}

fn collect_processes(folder: &Path, found: &mut Vec<i32>) {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    found.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
    for child in children(folder) {
        collect_processes(&child, found);
    }
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|e| e.path()).collect()
}

fn remove_tree(folder: &Path) -> Result<()> {
    for child in children(folder) {
        remove_tree(&child)?;
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Version 2 alone: one hierarchy. Otherwise all of version 1, beside which a version 2 one without controllers may stand.
fn parse(mounts: &str) -> Option<Hierarchies> {
    let mut first = Vec::new();
    let mut second = Vec::new();
    for line in mounts.lines() {
        let mut words = line.split_whitespace().skip(1);
        let (Some(place), Some(kind)) = (words.next(), words.next()) else { continue };
        match kind {
            "cgroup" => first.push(PathBuf::from(place)),
            "cgroup2" => second.push(PathBuf::from(place)),
            _ => {}
        }
    }
    first.sort();
    first.dedup();
    let controllers = if first.is_empty() { second.clone() } else { first.clone() };
    // Of version 1 any hierarchy would do to keep track; this one limits nothing by itself.
    let tracking = controllers.iter().find(|root| root.ends_with("pids")).or_else(|| controllers.first())?.clone();
    // The container runtime makes its cgroups in the version 2 hierarchy beside version 1, too.
    Some(Hierarchies { roots: first.into_iter().chain(second).collect(), controllers, tracking })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_one_counts_where_both_are_mounted() {
        let mounts = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let found = parse(mounts).expect("two hierarchies");
        assert_eq!(found.controllers, [PathBuf::from("/sys/fs/cgroup/cpu"), "/sys/fs/cgroup/pids".into()]);
        assert_eq!(found.roots.len(), 3);
        assert_eq!(found.tracking, PathBuf::from("/sys/fs/cgroup/pids"));
    }

    #[test]
    fn version_two_alone_is_one_hierarchy() {
        let found = parse("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n").expect("one hierarchy");
        assert_eq!(found.roots, [found.tracking]);
        assert_eq!(found.roots, found.controllers);
        assert_eq!(parse("proc /proc proc rw 0 0\n"), None);
    }
}
