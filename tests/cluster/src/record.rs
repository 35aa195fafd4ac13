//! What is written down about a cluster, and the lock that keeps two commands from changing it at once.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::cluster::PATIENCE;
use crate::layout::Layout;

/// How far the cluster has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Its first start has not ended: what is there is removed before the next.
    Starting,
    /// It was up once: its data are good, whatever runs now.
    Ready,
}

/// The record of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// How many nodes it has.
    pub nodes: usize,
    /// Which veth pair it holds.
    pub uplink: u8,
    /// How many fake nodes it has besides.
    #[serde(default)]
    pub fake_nodes: usize,
    /// Seconds for which a node may be silent.
    #[serde(default = "patience")]
    pub patience: u32,
    /// How many CPUs each node says it has for pods; all of the machine's where it is not said.
    #[serde(default)]
    pub cpus: Option<usize>,
    /// How far it has come.
    pub phase: Phase,
    /// Whether CoreDNS and MinIO belong to it.
    pub addons: bool,
    /// The folder with the Kubernetes programs it was made with.
    pub programs: PathBuf,
}

/// What clusters had before it was written down.
fn patience() -> u32 {
    PATIENCE
}

impl Record {
    /// Reads the record; none where there is no such cluster.
    pub fn read(layout: &Layout) -> Result<Option<Self>> {
        let path = layout.record();
        match fs::read(&path) {
            Ok(text) => Ok(serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes the record, whole or not at all.
    pub fn write(&self, layout: &Layout) -> Result<()> {
        write_whole(&layout.record(), &serde_json::to_vec_pretty(self)?)
    }
}

/// Writes a file by renaming a finished one over it.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, content).with_context(|| format!("cannot write {}", unfinished.display()))?;
    fs::rename(&unfinished, path).with_context(|| format!("cannot write {}", path.display()))
}

/// The right to change a cluster; given up when dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Waits for the lock.
    pub fn take(layout: &Layout) -> Result<Self> {
        let path = layout.lock();
        // A holder removes the file when it is done, so the file locked may be no longer the one in the folder.
        for _ in 0..1000 {
            fs::create_dir_all(layout.clusters())
                .with_context(|| format!("cannot make {} (set ONAGER_STATE)", layout.clusters().display()))?;
            let file = match OpenOptions::new().create(true).truncate(false).write(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error).with_context(|| format!("cannot open {}", path.display())),
            };
            file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
            let here = file.metadata()?.ino();
            if fs::metadata(&path).is_ok_and(|there| there.ino() == here) {
                return Ok(Self { path, file });
            }
        }
        bail!("cannot lock {}: it vanishes again and again", path.display())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        let _ = self.file.unlock();
        // The last one out takes the empty folders along; a folder in use refuses.
        if let Some(clusters) = self.path.parent()
            && fs::remove_dir(clusters).is_ok()
        {
            let _ = clusters.parent().map(fs::remove_dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() -> Result<()> {
        let record = Record {
            nodes: 3,
            fake_nodes: 2,
            uplink: 7,
            patience: 9,
            cpus: Some(2),
            phase: Phase::Starting,
            addons: true,
            programs: "/x".into(),
        };
        let text = serde_json::to_string(&record)?;
        assert!(text.contains("\"starting\""), "{text}");
        assert_eq!(serde_json::from_str::<Record>(&text)?, record);
        Ok(())
    }
}
