//! A certificate that somebody else makes and renews, such as cert-manager, and that is mounted as files. Read often: the
//! kubelet exchanges a Secret's files without telling. Who trusts it is the business of whoever made it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use tokio::sync::watch;

use super::served::Served;

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_secs(5);

/// Serves what is in the folder for as long as the process lives; `kept` becomes true once there was something to serve.
///
/// # Errors
/// None: what cannot be read is read again.
pub async fn follow(folder: PathBuf, served: Arc<Served>, kept: watch::Sender<bool>) -> anyhow::Result<()> {
    let mut serving = None;
    let mut trouble = String::new();
    loop {
        match read(&folder) {
            Ok(found) if serving.as_ref() != Some(&found) => match served.exchange(&found.0, &found.1) {
                Ok(()) => {
                    tracing::info!(folder = %folder.display(), "the webhook's certificate is served");
                    serving = Some(found);
                    kept.send_replace(true);
                    trouble.clear();
                }
                // While both files are written, they may not fit.
                Err(error) => tell(&mut trouble, &error),
            },
            Ok(_) => trouble.clear(),
            Err(error) => tell(&mut trouble, &error),
        }
        tokio::time::sleep(PERIOD).await;
    }
}

fn read(folder: &Path) -> anyhow::Result<(String, String)> {
    let file = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    Ok((file("tls.crt")?, file("tls.key")?))
}

/// The same trouble is told once.
fn tell(told: &mut String, error: &anyhow::Error) {
    let text = format!("{error:#}");
    if *told != text {
        tracing::warn!(error = text, "the webhook's certificate cannot be served");
        *told = text;
    }
}
