//! Takes a cluster away: processes first, found by their cgroup, then mounts, links and namespaces, at last the files. It
//! needs no record, so it also clears what an interrupted start or an interrupted removal left.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cgroup::Hierarchies;
use crate::layout::{Layout, node_name};
use crate::record::Record;
use crate::wait::until;
use crate::{mounts, network, node, run, up};

/// Removes everything of a cluster.
pub fn remove(layout: &Layout) -> Result<()> {
    still(layout)?;
    remove_folder(layout)
}

/// Removes everything of a cluster that is not a file.
pub fn still(layout: &Layout) -> Result<()> {
    Hierarchies::find()?.remove(&layout.cgroup())?;
    mounts::remove_below(&layout.root())?;
    let namespaces = network::namespaces(layout);
    // A namespace ends a moment after its file, and its links with it; this one is gone at once.
    if namespaces.contains(&layout.netns()) {
        network::remove_own_link(&layout.netns());
    }
    for netns in namespaces {
        network::remove(&netns)?;
    }
    Ok(())
}

/// Removes one node from a cluster that goes on.
pub fn node(layout: &Layout, record: &Record, number: usize) -> Result<()> {
    node::switch_off(layout, number)?;
    let mut delete = up::kubectl(layout, &record.programs);
    delete.args(["delete", "node", &node_name(number), "--ignore-not-found", "--wait=false"]);
    run::output(&mut delete)?;
    let folder = layout.node(number);
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// A child of an interrupted start may still be mounting for a moment, and a folder with a mount in it stays.
fn remove_folder(layout: &Layout) -> Result<()> {
    let root = layout.root();
    until(&format!("{} is removed", root.display()), Duration::from_secs(20), || {
        mounts::remove_below(&root)?;
        match fs::remove_dir_all(&root) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", root.display()))
            }
            _ => Ok(()),
        }
    })
}
