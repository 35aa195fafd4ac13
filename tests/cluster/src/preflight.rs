//! Says, before anything is changed, what the machine lacks and how to get it.

use std::env;
use std::path::Path;

use anyhow::{Result, bail};

/// A program and the Debian package it comes in.
const NEEDED: [(&str, &str); 11] = [
    ("/usr/bin/containerd", "containerd"),
    ("runc", "runc"),
    ("/usr/lib/cni/ptp", "containernetworking-plugins"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("nft", "nftables"),
    ("conntrack", "conntrack"),
    ("socat", "socat"),
    ("nsenter", "util-linux"),
    ("mount", "mount"),
    ("cc", "gcc libc6-dev"),
];

/// What building images needs besides.
const FOR_IMAGES: [(&str, &str); 2] = [("buildah", "buildah"), ("skopeo", "skopeo")];

/// Checks what a cluster needs.
pub fn check() -> Result<()> {
    check_root()?;
    check_programs(&NEEDED)
}

/// Checks that this is root, whom namespaces and mounts need.
pub fn check_root() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the cluster needs root (namespaces, mounts, cgroups): run this with sudo");
    }
    Ok(())
}

/// Checks what building an image needs.
pub fn check_for_images() -> Result<()> {
    check_programs(&FOR_IMAGES)
}

fn check_programs(needed: &[(&str, &str)]) -> Result<()> {
    let missing = missing(needed, is_there);
    if !missing.is_empty() {
        bail!(
            "Debian packages are missing: apt-get install --no-install-recommends {} \
             (or run tests/cluster/tools/install.sh)",
            missing.join(" ")
        );
    }
    Ok(())
}

fn missing<'a>(needed: &[(&str, &'a str)], there: impl Fn(&str) -> bool) -> Vec<&'a str> {
    needed.iter().filter(|(program, _)| !there(program)).map(|(_, package)| *package).collect()
}

fn is_there(program: &str) -> bool {
    if program.starts_with('/') {
        return Path::new(program).exists();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(Into::into);
    env::split_paths(&path).chain(usual).any(|folder| folder.join(program).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_its_package() {
        assert_eq!(missing(&NEEDED, |program| program != "ip"), ["iproute2"]);
        assert!(missing(&NEEDED, |_| true).is_empty());
    }
}
