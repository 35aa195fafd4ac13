//! Images that have nothing of Onager's in them, as users bring them: built from a few lines of a Dockerfile, and loaded into
//! every node under whatever name a test wants.

use std::path::PathBuf;
use std::{fs, process};

use anyhow::{Context, Result};
use onager_cluster::{Cluster, build_image};

/// Puts an image on every node: `FROM scratch`, one file, and these lines.
///
/// # Errors
/// When it cannot be built or loaded.
pub async fn image(cluster: &Cluster, name: &str, lines: &str) -> Result<()> {
    let (cluster, name, lines) = (cluster.clone(), name.to_string(), lines.to_string());
    tokio::task::spawn_blocking(move || put(&cluster, &name, &lines)).await.context("the build panicked")?
}

fn put(cluster: &Cluster, name: &str, lines: &str) -> Result<()> {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let folder: PathBuf = std::env::temp_dir().join(format!("onager-e2e-image-{plain}-{}", process::id()));
    fs::create_dir_all(folder.join("context"))?;
    fs::write(folder.join("context/RELEASE"), format!("stands in for {name}\n"))?;
    let dockerfile = folder.join("Dockerfile");
    fs::write(&dockerfile, format!("FROM scratch\nCOPY RELEASE /opt/RELEASE\n{lines}\n"))?;
    let archive = folder.join("image.tar");
    build_image(name, &dockerfile, &folder.join("context"), &archive)?;
    cluster.load_image(&archive)?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}
