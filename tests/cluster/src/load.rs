//! Brings image archives into the nodes' containerds. What a node has already is not brought again: a note beside the
//! node's disk says which image each archive held.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};

use crate::containerd::ctr;
use crate::image;
use crate::layout::{Layout, node_name};
use crate::record::write_whole;

/// Writes down that the archive belongs to the cluster, for nodes that are off now or come later.
pub fn remember(layout: &Layout, archive: &Path) -> Result<()> {
    let archive = fs::canonicalize(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    let mut all = remembered(layout);
    if !all.contains(&archive) {
        all.push(archive);
        write_whole(&list(layout), &serde_json::to_vec_pretty(&all)?)?;
    }
    Ok(())
}

/// The archives of the cluster that are still there.
pub fn remembered(layout: &Layout) -> Vec<PathBuf> {
    let text = fs::read(list(layout)).unwrap_or_default();
    let all: Vec<PathBuf> = serde_json::from_slice(&text).unwrap_or_default();
    all.into_iter().filter(|archive| archive.exists()).collect()
}

/// Loads an archive into each of the nodes, all at the same time. Says whether any of them needed it.
pub fn into_nodes(layout: &Layout, nodes: &[usize], archive: &Path) -> Result<bool> {
    thread::scope(|scope| {
        let loads: Vec<_> = nodes.iter().map(|node| scope.spawn(move || into_node(layout, *node, archive))).collect();
        let mut any = false;
        for load in loads {
            any |= load.join().map_err(|_| anyhow!("loading {} panicked", archive.display()))??;
        }
        Ok(any)
    })
}

/// Loads an archive into one node, unless it is there.
pub fn into_node(layout: &Layout, node: usize, archive: &Path) -> Result<bool> {
    let content = image::read(archive)?;
    let note = note(layout, node, &content.identity);
    if fs::read_to_string(&note).is_ok_and(|text| text == content.identity) {
        return Ok(false);
    }
    import(&mut ctr(layout, node), archive)
        .with_context(|| format!("cannot load {} into {}", archive.display(), node_name(node)))?;
    if let Some(folder) = note.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    write_whole(&note, content.identity.as_bytes())?;
    Ok(true)
}

fn import(ctr: &mut Command, archive: &Path) -> Result<()> {
    let file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    // The node does not see the caller's files, so the archive goes through a pipe.
    let done = ctr.args(["images", "import", "-"]).stdin(Stdio::from(file)).output().context("cannot run nsenter")?;
    if !done.status.success() {
        bail!("{}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(())
}

fn list(layout: &Layout) -> PathBuf {
    layout.root().join("images.json")
}

/// One note for each set of tags: a newer image of the same name replaces it.
fn note(layout: &Layout, node: usize, identity: &str) -> PathBuf {
    let tags: Vec<&str> = identity.lines().filter_map(|line| line.split(' ').next()).collect();
    let key = format!("{:x}", Sha256::digest(tags.join("\n")));
    layout.node(node).join("images").join(&key[..16])
}
