//! A node's view of the file system: a mount namespace that its programs share, in which /run is empty at each start of
//! the node and /var/lib and /var/log are its own. When the namespace goes, every mount of its pods goes with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::layout::{Layout, cache_folder};
use crate::run;

/// Runs inside the new namespace. The folders named last stay visible under their own names, wherever they are. A kubelet
/// insists on some settings of the whole machine: it is shown what it wants to see, and the machine keeps its own.
const FURNISH: &str = r#"node=$1; shift
mount -t tmpfs -o mode=755 onager /run
i=0; for keep in "$@"; do i=$((i + 1)); mkdir -p /run/keep/$i; mount --bind "$keep" /run/keep/$i; done
mount --bind "$node/log" /var/log
mount --bind "$node/lib" /var/lib
i=0; for keep in "$@"; do i=$((i + 1)); mkdir -p "$keep"; mount --bind /run/keep/$i "$keep"; umount /run/keep/$i; done
rm -r /run/keep
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  file=/run/sysctl/${setting%=*}; mkdir -p "${file%/*}"; echo "${setting#*=}" > "$file"
  mount --bind "$file" "/proc/sys/${setting%=*}"
done"#;

/// Makes the folder that holds the namespaces. The kernel keeps a mount namespace on a private mount only.
pub fn prepare(layout: &Layout) -> Result<()> {
    // Nodes start side by side: two mounts over each other would hide the first one's namespaces.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = layout.mount_namespaces();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    if below(&folder)?.is_empty() {
        run::output(run::command("mount", ["-t", "tmpfs", "-o", "mode=700", "onager"]).arg(&folder))?;
        run::output(run::command("mount", ["--make-private"]).arg(&folder))?;
    }
    Ok(())
}

/// Makes a node's namespace.
pub fn add(layout: &Layout, node: usize) -> Result<()> {
    let (file, own) = (layout.mount_namespace(node), layout.node(node));
    for folder in ["lib", "log"] {
        fs::create_dir_all(own.join(folder)).with_context(|| format!("cannot make {}", own.display()))?;
    }
    fs::write(&file, "").with_context(|| format!("cannot make {}", file.display()))?;
    let mut command = run::command("unshare", [format!("--mount={}", file.display()), "--propagation=slave".into()]);
    command.args(["sh", "-e", "-c", FURNISH, "furnish"]).arg(&own).arg(layout.root()).arg(cache_folder());
    run::output(&mut command)?;
    Ok(())
}

/// Whether a node's namespace is there.
pub fn exists(layout: &Layout, node: usize) -> Result<bool> {
    Ok(!below(&layout.mount_namespace(node))?.is_empty())
}

/// Gives up a node's namespace.
pub fn remove(layout: &Layout, node: usize) -> Result<()> {
    remove_below(&layout.mount_namespace(node))
}

/// Takes away every mount at or below a folder, the newest first.
pub fn remove_below(folder: &Path) -> Result<()> {
    for place in below(folder)?.into_iter().rev() {
        run::output(run::command("umount", ["--lazy"]).arg(&place))?;
    }
    Ok(())
}

/// The mounts of this machine at or below a folder, in the order in which they were made.
pub fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let table = fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
    Ok(parse(&table).into_iter().filter(|place| place.starts_with(folder)).collect())
}

fn parse(table: &str) -> Vec<PathBuf> {
    let places = table.lines().filter_map(|line| line.split_whitespace().nth(4));
    places.map(|place| place.replace("\\040", " ").into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_table_gives_places() {
        let table = "24 1 254:0 / / rw - ext4 /dev/vda rw\n99 24 0:4 mnt:[1] /a\\040b/c rw - nsfs nsfs rw\n";
        assert_eq!(parse(table), [PathBuf::from("/"), "/a b/c".into()]);
    }
}
