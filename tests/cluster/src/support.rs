//! The images the cluster itself needs: the sandbox of every pod, CoreDNS and MinIO. Each is one static program, packed
//! once and kept in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use sha2::{Digest, Sha256};

use crate::layout::cache_folder;
use crate::tools::Tools;
use crate::{image, run};

/// The sandbox image, which also holds the small helpers of the add-ons and of tests.
pub const PAUSE: &str = "onager-pause:1";
const COREDNS: &str = "onager-coredns:1";
const MINIO: &str = "onager-minio:1";

const PAUSE_SOURCE: &str = include_str!("../tools/support/pause.c");

/// The packed images.
#[derive(Clone, Debug)]
pub struct Images {
    everywhere: Vec<PathBuf>,
    first_node: Vec<PathBuf>,
}

impl Images {
    /// Packs what is not in the cache.
    pub fn pack(tools: &Tools) -> Result<Self> {
        let mut first_node = Vec::new();
        for (tag, program) in [(COREDNS, tools.coredns()), (MINIO, tools.minio())] {
            if let Some(program) = program {
                first_node.push(pack(tag, &program)?);
            }
        }
        Ok(Self { everywhere: vec![pause()?], first_node })
    }

    /// What a node needs before it takes pods: the add-ons run on the first one alone.
    pub fn for_node(&self, node: usize) -> impl Iterator<Item = &PathBuf> {
        self.everywhere.iter().chain(self.first_node.iter().filter(move |_| node == 1))
    }
}

fn pause() -> Result<PathBuf> {
    let key = format!("{:x}", Sha256::digest(PAUSE_SOURCE));
    let folder = cache_folder().join("tools").join(format!("pause-{}", &key[..12]));
    let program = folder.join("pause");
    if !program.exists() {
        compile(&folder, &program)?;
    }
    pack(PAUSE, &program)
}

fn compile(folder: &Path, program: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let unfinished = folder.join(format!("pause.{}", std::process::id()));
    let source = unfinished.with_extension("c");
    fs::write(&source, PAUSE_SOURCE)?;
    let mut cc = Command::new("cc");
    cc.args(["-Os", "-s", "-static", "-Wall", "-o"]).arg(&unfinished).arg(&source);
    run::output(&mut cc).context("cannot compile the sandbox program (apt-get install gcc libc6-dev)")?;
    fs::remove_file(&source)?;
    fs::rename(&unfinished, program).with_context(|| format!("cannot write {}", program.display()))
}

/// The folder of a program carries the key of what it was built from, so the archive carries it too.
fn pack(tag: &str, program: &Path) -> Result<PathBuf> {
    let key = program.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let key = key.ok_or_else(|| anyhow!("{} lies in no folder", program.display()))?;
    let folder = cache_folder().join("images");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let archive = folder.join(format!("{key}.tar"));
    if !archive.exists() {
        image::write(&archive, tag, program).with_context(|| format!("cannot pack {tag}"))?;
    }
    Ok(archive)
}
