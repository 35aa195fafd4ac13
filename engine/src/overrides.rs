//! Where tests put what a container has at fixed places: the address to bind, the work folder, the termination log. A
//! pod sets none of these. It only reads the environment.

use std::env;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use onager_contract::endpoint;

/// The address a driver binds.
pub(crate) fn bind_address() -> IpAddr {
    var("ONAGER_BIND").and_then(|text| text.parse().ok()).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Shuffle files and spill.
pub(crate) fn work_dir() -> PathBuf {
    var("ONAGER_WORK_DIR").unwrap_or_else(|| endpoint::WORK_DIR.into()).into()
}

/// Where an application's files are brought to.
pub(crate) fn files_dir() -> PathBuf {
    var("ONAGER_FILES_DIR").unwrap_or_else(|| endpoint::FILES_DIR.into()).into()
}

/// Where the summary goes.
pub(crate) fn termination_log() -> PathBuf {
    var("ONAGER_TERMINATION_LOG").unwrap_or_else(|| endpoint::TERMINATION_LOG.into()).into()
}

/// An environment variable that is set and not empty.
pub(crate) fn var(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
