//! Unpacks an archive into a folder of its own: regular files, folders, and links that stay inside. Whatever would be written
//! elsewhere is refused by name, and so is an archive that grows beyond all measure.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use flate2::read::{DeflateDecoder, MultiGzDecoder};
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive};

use super::{Item, fetch};
use crate::{Error, Result};

/// The most an archive may unpack to, 40 GiB, and the most files: the volume it goes to has 50 GiB.
const MOST: Most = Most { bytes: 40 << 30, entries: 1_000_000 };

#[derive(Clone, Copy)]
struct Most {
    bytes: u64,
    entries: u64,
}

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Zip,
    Tar,
    TarGz,
}

impl Format {
    /// As its name tells.
    pub(super) fn of(path: &str) -> Option<Self> {
        let path = path.to_ascii_lowercase();
        let ends = [(".zip", Self::Zip), (".tar", Self::Tar), (".tar.gz", Self::TarGz), (".tgz", Self::TarGz)];
        ends.into_iter().find(|(end, _)| path.ends_with(end)).map(|(_, format)| format)
    }
}

/// Unpacks the archive in `file` into the folder `to`, which is made.
pub(super) async fn archive(item: &Item, file: &Path, to: &Path) -> Result<()> {
    let format = Format::of(item.url.path()).ok_or_else(|| Error::bad_input("not an archive"))?;
    let (file, to) = (file.to_path_buf(), to.to_path_buf());
    let unpacked = tokio::task::spawn_blocking(move || unpack(format, &file, &to, MOST)).await;
    let unpacked = unpacked.unwrap_or_else(|error| Err(io::Error::other(error)));
    unpacked.map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::PermissionDenied => {
            Error::platform(format!("{} cannot be unpacked: {error}", fetch::shown(&item.url)))
        }
        _ => Error::bad_input(format!("{} cannot be unpacked: {error}", fetch::shown(&item.url))),
    })
}

fn unpack(format: Format, file: &Path, to: &Path, most: Most) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let reader = BufReader::new(File::open(file)?);
    match format {
        Format::Zip => unpack_zip(File::open(file)?, to, most),
        Format::Tar => unpack_tar(reader, to, most),
        Format::TarGz => unpack_tar(MultiGzDecoder::new(reader), to, most),
    }
}

fn unpack_tar(reader: impl Read, to: &Path, most: Most) -> io::Result<()> {
    // Also what lies between files is read, and counts.
    let mut archive = tar::Archive::new(Bounded { reader, left: most.bytes });
    for (count, entry) in (1..).zip(archive.entries()?) {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        let place = inside(to, &name)?;
        bound_entries(count, most)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            fs::create_dir_all(&place)?;
        } else if kind.is_symlink() || kind.is_hard_link() {
            let target = entry.link_name()?.unwrap_or_default().into_owned();
            let parent = if kind.is_symlink() { name.parent().unwrap_or(Path::new("")) } else { Path::new("") };
            let source = link_inside(to, &name, parent, &target)?;
            make_parent(to, &place)?;
            if kind.is_symlink() { symlink(&target, &place)? } else { fs::hard_link(source, &place)? }
        } else if kind.is_file() {
            let mode = entry.header().mode().unwrap_or(0o644);
            write(to, &place, &mut entry, mode)?;
        }
        // Devices and the like have no place in a pod; headers are none of its business.
    }
    Ok(())
}

fn unpack_zip(file: File, to: &Path, most: Most) -> io::Result<()> {
    let broken = |error: rawzip::Error| refused(error.to_string());
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(broken)?;
    let mut entries = archive.entries(&mut buffer);
    let (mut left, mut count) = (most.bytes, 0);
    while let Some(entry) = entries.next_entry().map_err(broken)? {
        let name = PathBuf::from(OsStr::from_bytes(entry.file_path().as_bytes()));
        let place = inside(to, &name)?;
        count += 1;
        bound_entries(count, most)?;
        if entry.is_dir() {
            fs::create_dir_all(&place)?;
            continue;
        }
        if entry.mode().is_symlink() {
            return Err(refused(format!("{} is a link; a tar archive may have some", name.display())));
        }
        let packed = archive.get_entry(entry.wayfinder()).map_err(broken)?;
        let content: Box<dyn Read> = match entry.compression_method() {
            CompressionMethod::STORE => Box::new(packed.reader()),
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed.reader())),
            method => return Err(refused(format!("{} is packed by method {method:?}", name.display()))),
        };
        let mut content = Bounded { reader: packed.verifying_reader(content), left };
        left -= write(to, &place, &mut content, entry.mode().permissions())?;
    }
    Ok(())
}

/// Where an entry goes; one that would go elsewhere is refused.
fn inside(to: &Path, name: &Path) -> io::Result<PathBuf> {
    let plain = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if plain { Ok(to.join(name)) } else { Err(refused(format!("{} leads out of the archive", name.display()))) }
}

/// Where a link in the folder `parent` leads to; one that leads out of the archive is refused.
fn link_inside(to: &Path, name: &Path, parent: &Path, target: &Path) -> io::Result<PathBuf> {
    let mut path = PathBuf::new();
    for part in parent.join(target).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            _ => {
                let message = format!("{} links to {}, out of the archive", name.display(), target.display());
                return Err(refused(message));
            }
        }
    }
    Ok(to.join(path))
}

/// Makes the folder an entry goes to, if no link has led it out.
fn make_parent(to: &Path, place: &Path) -> io::Result<()> {
    let parent = place.parent().unwrap_or(to);
    fs::create_dir_all(parent)?;
    if parent.canonicalize()?.starts_with(to.canonicalize()?) {
        return Ok(());
    }
    Err(refused(format!("{} leads out of the archive", place.display())))
}

fn write(to: &Path, place: &Path, content: &mut impl Read, mode: u32) -> io::Result<u64> {
    make_parent(to, place)?;
    // An earlier entry of this name may be a link.
    let _ = fs::remove_file(place);
    let mut file = File::create_new(place)?;
    let bytes = io::copy(content, &mut file)?;
    file.set_permissions(Permissions::from_mode(mode & 0o777 | 0o600))?;
    Ok(bytes)
}

fn bound_entries(count: u64, most: Most) -> io::Result<()> {
    match count {
        count if count > most.entries => Err(refused(format!("it has more than {} files", most.entries))),
        _ => Ok(()),
    }
}

fn refused(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// A reader that ends in an error when there is more than may be.
struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.reader.read(buffer)?;
        match self.left.checked_sub(bytes as u64) {
            Some(left) => {
                self.left = left;
                Ok(bytes)
            }
            None => Err(refused("it unpacks to more than there is room for".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tar::{Builder, EntryType, Header};

    use super::*;

    /// A file and a folder beside it, gone at the end.
    struct Ground(PathBuf);

    impl Ground {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("onager-unpack-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).expect("folder");
            Self(folder)
        }

        fn unpack(&self, format: Format, bytes: &[u8], most: Most) -> io::Result<()> {
            fs::write(self.0.join("archive"), bytes).expect("archive");
            unpack(format, &self.0.join("archive"), &self.0.join("to"), most)
        }

        fn read(&self, path: &str) -> String {
            fs::read_to_string(self.0.join("to").join(path)).expect("file")
        }
    }

    impl Drop for Ground {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// Entries by name: a text, or a link to what follows the arrow.
    fn packed(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = Header::new_gnu();
            // The builder's own way refuses what is to be tested.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_mode(0o755);
            let (kind, text) = match content.strip_prefix("-> ") {
                Some(target) => {
                    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
                    (EntryType::Symlink, "")
                }
                None => (EntryType::Regular, *content),
            };
            header.set_entry_type(kind);
            header.set_size(text.len() as u64);
            header.set_cksum();
            archive.append(&header, text.as_bytes()).expect("entry");
        }
        archive.into_inner().expect("archive")
    }

    fn zipped(name: &str, text: &str) -> Vec<u8> {
        let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
        let file = archive.new_file(name).compression_method(CompressionMethod::DEFLATE);
        let (mut entry, config) = file.start().expect("entry");
        let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast());
        let mut writer = config.wrap(encoder);
        writer.write_all(text.as_bytes()).expect("entry");
        let (encoder, descriptor) = writer.finish().expect("entry");
        encoder.finish().expect("entry");
        entry.finish(descriptor).expect("entry");
        archive.finish().expect("archive")
    }

    fn compressed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("bytes");
        encoder.finish().expect("bytes")
    }

    #[test]
    fn every_format_unpacks() {
        let tar = packed(&[("a/b.txt", "text"), ("a/link", "-> b.txt")]);
        for (name, format, bytes) in [
            ("tar", Format::Tar, tar.clone()),
            ("tgz", Format::TarGz, compressed(&tar)),
            ("zip", Format::Zip, zipped("a/b.txt", "text")),
        ] {
            let ground = Ground::new(name);
            ground.unpack(format, &bytes, MOST).expect("unpacked");
            assert_eq!(ground.read("a/b.txt"), "text", "{name}");
        }
        assert_eq!(Format::of("/x/ENV.TAR.GZ"), Some(Format::TarGz));
        assert_eq!(Format::of("/x/env.gz"), None);
    }

    #[test]
    fn nothing_is_written_outside() {
        let ground = Ground::new("outside");
        let refused = |format, bytes: &[u8]| ground.unpack(format, bytes, MOST).expect_err("refused").to_string();
        assert!(refused(Format::Tar, &packed(&[("../evil", "x")])).contains("leads out"));
        assert!(refused(Format::Tar, &packed(&[("/etc/evil", "x")])).contains("leads out"));
        assert!(
            refused(Format::Tar, &packed(&[("link", "-> ../.."), ("link/evil", "x")])).contains("out of the archive")
        );
        assert!(refused(Format::Tar, &packed(&[("link", "-> /etc")])).contains("out of the archive"));
        // The writer mends such names, so it is done by hand.
        let mut bytes = zipped("up/evil", "x");
        for at in 0..bytes.len() - 7 {
            if bytes[at..].starts_with(b"up/evil") {
                bytes[at..at + 2].copy_from_slice(b"..");
            }
        }
        assert!(refused(Format::Zip, &bytes).contains("leads out"));
        assert!(!ground.0.join("evil").exists());
    }

    #[test]
    fn an_archive_beyond_measure_is_refused() {
        let bomb = compressed(&packed(&[("zeros", &"0".repeat(1 << 20))]));
        let most = Most { bytes: 1 << 16, entries: 10 };
        let ground = Ground::new("bomb");
        assert!(ground.unpack(Format::TarGz, &bomb, most).expect_err("refused").to_string().contains("more than"));
        assert!(ground.unpack(Format::Zip, &zipped("zeros", &"0".repeat(1 << 20)), most).is_err());
        let many = packed(&[("a", ""), ("b", ""), ("c", "")]);
        let most = Most { bytes: 1 << 20, entries: 2 };
        assert!(ground.unpack(Format::Tar, &many, most).expect_err("refused").to_string().contains("2 files"));
        assert!(ground.unpack(Format::Zip, b"not a zip", MOST).is_err());
    }
}
