//! Where an executor works: shuffle files in one folder, for Ballista has one, spill in all. With several local folders the
//! index chooses the one for shuffle files, so that executors of one node spread over its disks. Each executor has a folder of
//! its own in each, since a node's disk may serve many, and takes it away at its end.

use std::fs;
use std::path::{Path, PathBuf};

use onager_contract::ExecutorSpec;
use tracing::warn;

use crate::overrides::work_dir;
use crate::settings::Spill;
use crate::{Error, Result};

/// An executor's folders, for as long as it works.
pub(super) struct LocalFolders {
    shuffle: PathBuf,
    spill: Vec<PathBuf>,
    /// Whether they are on volumes that may outlive the pod.
    given: bool,
}

impl LocalFolders {
    /// Makes them.
    pub(super) fn make(spec: &ExecutorSpec) -> Result<Self> {
        let own = format!("onager-{}-{}", spec.application.uid, spec.index);
        let folders = Self::choose(&spec.local_dirs, &own, spec.index, work_dir());
        for folder in &folders.spill {
            fs::create_dir_all(folder).map_err(|error| Error::platform(format!("{}: {error}", folder.display())))?;
        }
        Ok(folders)
    }

    fn choose(local_dirs: &[String], own: &str, index: u32, work_dir: PathBuf) -> Self {
        let spill: Vec<PathBuf> = local_dirs.iter().map(|folder| Path::new(folder).join(own)).collect();
        match spill.get(index as usize % spill.len().max(1)) {
            Some(shuffle) => Self { shuffle: shuffle.clone(), spill, given: true },
            None => Self { shuffle: work_dir.clone(), spill: vec![work_dir], given: false },
        }
    }

    pub(super) fn shuffle(&self) -> &Path {
        &self.shuffle
    }

    /// Where queries spill: on given volumes as much as they take.
    pub(super) fn spill(&self) -> Spill {
        Spill::Folders(self.spill.clone(), (!self.given).then_some(SPILL_LIMIT))
    }
}

/// Of the pod's own volume; its limit is 50 GiB, and a pod that goes beyond is evicted.
const SPILL_LIMIT: u64 = 40 << 30;

impl Drop for LocalFolders {
    fn drop(&mut self) {
        for folder in self.spill.iter().filter(|_| self.given) {
            if let Err(error) = fs::remove_dir_all(folder) {
                warn!("cannot remove {}: {error}", folder.display());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executors_spread_over_the_local_folders() {
        let chosen = |index, local_dirs: &[&str]| {
            let local_dirs: Vec<String> = local_dirs.iter().map(|dir| dir.to_string()).collect();
            let folders = LocalFolders::choose(&local_dirs, "own", index, "/work".into());
            (folders.shuffle.clone(), folders.spill.len())
        };
        assert_eq!(chosen(1, &[]), ("/work".into(), 1));
        assert_eq!(chosen(1, &["/d0", "/d1"]), ("/d1/own".into(), 2));
        assert_eq!(chosen(2, &["/d0", "/d1"]), ("/d0/own".into(), 2));
    }
}
