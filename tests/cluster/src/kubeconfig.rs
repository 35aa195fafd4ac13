//! Writes kubeconfigs that hold everything inline, so that one can be copied anywhere on the machine. They are JSON, which
//! every reader of YAML takes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::pki::Identity;

/// Writes a kubeconfig for one user of one cluster.
pub fn write(path: &Path, cluster: &str, server: &str, authority: &Path, user: &Identity) -> Result<()> {
    let content = render(cluster, server, &read(authority)?, &read(&user.certificate)?, &read(&user.key)?);
    fs::write(path, serde_json::to_vec_pretty(&content)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot guard {}", path.display()))
}

fn render(cluster: &str, server: &str, authority: &[u8], certificate: &[u8], key: &[u8]) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [{"name": cluster, "cluster": {
            "server": server, "certificate-authority-data": STANDARD.encode(authority),
        }}],
        "users": [{"name": cluster, "user": {
            "client-certificate-data": STANDARD.encode(certificate), "client-key-data": STANDARD.encode(key),
        }}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_context_is_there() {
        let config = render("one", "https://10.213.0.2:6443", b"ca", b"crt", b"key");
        assert_eq!(config["contexts"][0]["name"], config["current-context"]);
        assert_eq!(config["users"][0]["user"]["client-key-data"], "a2V5");
    }
}
