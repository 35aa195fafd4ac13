//! Writes an image FROM scratch as a docker-archive, byte for byte the same for the same files, and reads from such an
//! archive what it holds.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// Writes an image whose one program lies in its root folder, and which holds the empty folder /tmp besides.
pub fn write(archive: &Path, tag: &str, program: &Path) -> Result<()> {
    let name = program.file_name().and_then(|name| name.to_str()).ok_or_else(|| anyhow!("{program:?} has no name"))?;
    let unfinished = archive.with_extension(format!("unfinished.{}", std::process::id()));
    let layer_file = archive.with_extension(format!("layer.{}", std::process::id()));
    let mut layer = Builder::new(BufWriter::new(File::create(&layer_file)?));
    layer.append(&header(EntryType::Directory, "tmp/", 0, 0o1777)?, std::io::empty())?;
    let mut content = File::open(program).with_context(|| format!("cannot read {}", program.display()))?;
    layer.append(&header(EntryType::Regular, name, content.metadata()?.len(), 0o755)?, &mut content)?;
    layer.into_inner()?.flush()?;

    let digest = digest(&mut File::open(&layer_file)?)?;
    let config = serde_json::to_vec(&json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {"Entrypoint": [format!("/{name}")], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
    }))?;
    let config_name = format!("{:x}.json", Sha256::digest(&config));
    let layer_name = format!("{digest}.tar");
    let manifest = serde_json::to_vec(&json!([{"Config": config_name, "RepoTags": [tag], "Layers": [layer_name]}]))?;

    let mut whole = Builder::new(BufWriter::new(File::create(&unfinished)?));
    for (name, bytes) in [("manifest.json", &manifest), (config_name.as_str(), &config)] {
        whole.append(&header(EntryType::Regular, name, bytes.len() as u64, 0o644)?, bytes.as_slice())?;
    }
    let mut layer = File::open(&layer_file)?;
    whole.append(&header(EntryType::Regular, &layer_name, layer.metadata()?.len(), 0o644)?, &mut layer)?;
    whole.into_inner()?.flush()?;
    fs::remove_file(&layer_file)?;
    fs::rename(&unfinished, archive).with_context(|| format!("cannot write {}", archive.display()))
}

/// What an archive holds: its tags and, for each image, the digest of its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// One line for each image, equal for equal images.
    pub identity: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ManifestEntry {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
}

/// Reads an archive's table of contents, without its layers.
pub fn read(archive: &Path) -> Result<Content> {
    let file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    let mut tar = tar::Archive::new(file);
    for entry in tar.entries_with_seek().with_context(|| format!("{} is no tar archive", archive.display()))? {
        let mut entry = entry.with_context(|| format!("{} is damaged", archive.display()))?;
        let path = entry.path()?.into_owned();
        // An OCI archive is known by its index, which names the manifest's digest.
        if path == Path::new("manifest.json") {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            return content(&text).with_context(|| format!("{}: manifest.json", archive.display()));
        }
        if path == Path::new("index.json") {
            let mut identity = String::new();
            entry.read_to_string(&mut identity)?;
            return Ok(Content { identity });
        }
    }
    bail!("{} is neither a docker-archive nor an OCI archive", archive.display())
}

fn content(manifest: &str) -> Result<Content> {
    let entries: Vec<ManifestEntry> = serde_json::from_str(manifest)?;
    if entries.is_empty() {
        bail!("it holds no image");
    }
    let lines: Vec<String> =
        entries.iter().map(|e| format!("{} {}", e.repo_tags.clone().unwrap_or_default().join(","), e.config)).collect();
    Ok(Content { identity: lines.join("\n") })
}

fn header(kind: EntryType, path: &str, size: u64, mode: u32) -> Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(path)?;
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    Ok(header)
}

fn digest(file: &mut (impl Read + Seek)) -> Result<String> {
    let mut hash = Sha256::new();
    std::io::copy(file, &mut hash)?;
    Ok(format!("{:x}", hash.finalize()))
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_read_back() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("onager-image-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let (program, one, two) = (folder.join("hello"), folder.join("one.tar"), folder.join("two.tar"));
        fs::write(&program, "not really a program")?;
        write(&one, "hello:1", &program)?;
        write(&two, "hello:1", &program)?;
        assert!(read(&one)?.identity.starts_with("hello:1 "));
        assert_eq!(fs::read(&one)?, fs::read(&two)?);
        fs::remove_dir_all(&folder)?;
        Ok(())
    }

    #[test]
    fn an_archive_without_an_image_is_refused() {
        assert!(content("[]").is_err());
        assert!(content("{}").is_err());
    }
}
