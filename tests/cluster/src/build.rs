//! Builds an image from a Dockerfile without any network or RUN step, and keeps the archive until something it was made of
//! changes.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::layout::cache_folder;
use crate::{preflight, run};

/// Builds the image `name` (with its tag) into the archive, and says whether anything was to be done. Everything in the
/// context counts as a part of the image, so keep that folder small.
pub fn build_image(name: &str, dockerfile: &Path, context: &Path, archive: &Path) -> Result<bool> {
    preflight::check_root()?;
    preflight::check_for_images()?;
    let recipe = fs::read_to_string(dockerfile).with_context(|| format!("cannot read {}", dockerfile.display()))?;
    if let Some(step) = forbidden_step(&recipe) {
        bail!("{}: {step:?}: an image is made of finished files, without running anything", dockerfile.display());
    }
    let key = key(name, &recipe, context)?;
    let note = archive.with_extension("key");
    if archive.exists() && fs::read_to_string(&note).is_ok_and(|known| known == key) {
        return Ok(false);
    }
    if let Some(folder) = archive.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let unfinished = archive.with_extension("unfinished");
    let _ = fs::remove_file(&unfinished);
    // Known by its id alone: any name it had in the store would be written into the archive, too.
    let id_file = archive.with_extension("id");
    let mut bud = buildah()?;
    bud.args(["bud", "--isolation=chroot", "--pull-never", "--timestamp=0"]).arg("--iidfile").arg(&id_file);
    run::output(bud.arg("--file").arg(dockerfile).arg(context)).with_context(|| format!("cannot build {name}"))?;
    let id = fs::read_to_string(&id_file).with_context(|| format!("cannot read {}", id_file.display()))?;
    fs::remove_file(&id_file).with_context(|| format!("cannot remove {}", id_file.display()))?;
    let id = id.trim().trim_start_matches("sha256:");
    let target = format!("docker-archive:{}:{name}", unfinished.display());
    let pushed = run::output(buildah()?.args(["push", "--disable-compression", id, &target]));
    // The archive is what counts; the store is only a place to work in.
    let removed = run::output(buildah()?.args(["rmi", "--force", id]));
    pushed.with_context(|| format!("cannot write the archive of {name}"))?;
    removed?;
    fs::rename(&unfinished, archive).with_context(|| format!("cannot write {}", archive.display()))?;
    fs::write(&note, key).with_context(|| format!("cannot write {}", note.display()))?;
    Ok(true)
}

fn buildah() -> Result<Command> {
    let folder = cache_folder().join("buildah");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut command = Command::new("buildah");
    command.arg("--root").arg(folder.join("root")).arg("--runroot").arg(folder.join("run"));
    command.args(["--storage-driver=vfs"]);
    Ok(command)
}

fn forbidden_step(recipe: &str) -> Option<&str> {
    recipe.lines().find(|line| line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("RUN")))
}

fn key(name: &str, recipe: &str, context: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(name);
    hash.update([0]);
    hash.update(recipe);
    for file in files(context)? {
        let data = fs::symlink_metadata(&file)?;
        hash.update(file.strip_prefix(context)?.to_string_lossy().as_bytes());
        hash.update(data.permissions().mode().to_le_bytes());
        hash.update(data.len().to_le_bytes());
        if data.is_symlink() {
            hash.update(fs::read_link(&file)?.to_string_lossy().as_bytes());
        } else {
            std::io::copy(&mut File::open(&file)?, &mut hash)
                .with_context(|| format!("cannot read {}", file.display()))?;
        }
    }
    Ok(format!("{:x}", hash.finalize()))
}

/// Every file below a folder, in a fixed order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_changes_with_the_content() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("onager-build-{}", std::process::id()));
        fs::create_dir_all(folder.join("context/deep"))?;
        let recipe = "FROM scratch\nCOPY . /\n";
        fs::write(folder.join("context/deep/file"), "one")?;
        let first = key("a:1", recipe, &folder.join("context"))?;
        assert_eq!(first, key("a:1", recipe, &folder.join("context"))?);
        fs::write(folder.join("context/deep/file"), "two")?;
        assert_ne!(first, key("a:1", recipe, &folder.join("context"))?);
        fs::remove_dir_all(&folder)?;
        Ok(())
    }

    #[test]
    fn a_step_that_runs_something_is_refused() {
        assert_eq!(forbidden_step("FROM scratch\n  run make\n"), Some("  run make"));
        assert_eq!(forbidden_step("FROM scratch\nCOPY run /run\n"), None);
    }
}
