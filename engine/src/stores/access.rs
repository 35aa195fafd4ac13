//! Reads a script or a file, and asks for a bucket before a statement needs it, so that a wrong bucket or key is told by name and
//! before work begins. It writes to no store.

use std::fs::File;
use std::io::Write;

use datafusion::execution::object_store::ObjectStoreRegistry;
use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use url::Url;

use super::explain::{Place, explain};
use super::registry::Stores;
use crate::{Error, Result};

/// A script is text that a person wrote; more is a mistake.
const SCRIPT_LIMIT: u64 = 16 << 20;

/// The text at `uri`.
pub(crate) async fn fetch_text(stores: &Stores, uri: &str) -> Result<String> {
    let url = parse(uri)?;
    let store = stores.get_store(&url).map_err(|error| Error::planning(&error))?;
    let path = Path::from_url_path(url.path()).map_err(|error| Error::bad_input(format!("{uri}: {error}")))?;
    let explained = |error| explain(&error, Some(place(stores, &url)));
    let found = store.get(&path).await.map_err(explained)?;
    if found.meta.size > SCRIPT_LIMIT {
        return Err(Error::bad_input(format!(
            "{uri} has {} bytes; a script has at most {SCRIPT_LIMIT}",
            found.meta.size
        )));
    }
    let bytes = found.bytes().await.map_err(explained)?;
    String::from_utf8(bytes.into()).map_err(|_| Error::bad_input(format!("{uri} is not UTF-8 text")))
}

/// Writes the object at `url` into `file`; at most `limit` bytes.
pub(crate) async fn download(stores: &Stores, url: &Url, file: &mut File, limit: u64) -> Result<()> {
    let store = stores.get_store(url).map_err(|error| Error::planning(&error))?;
    let path = Path::from_url_path(url.path()).map_err(|error| Error::bad_input(format!("{url}: {error}")))?;
    let explained = |error| explain(&error, Some(place(stores, url)));
    let found = store.get(&path).await.map_err(explained)?;
    if found.meta.size > limit {
        return Err(Error::bad_input(format!("{url} has {} bytes; a file has at most {limit}", found.meta.size)));
    }
    let mut parts = found.into_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(explained)?;
        file.write_all(&part).map_err(|error| Error::platform(format!("{url}: cannot be written: {error}")))?;
    }
    Ok(())
}

/// Fails where the bucket of `uri` is missing or refuses the key. Other schemes pass.
pub(crate) async fn check_bucket(stores: &Stores, uri: &str) -> Result<()> {
    let Some(url) = Url::parse(uri).ok().filter(|url| matches!(url.scheme(), "s3" | "s3a")) else {
        return Ok(());
    };
    let store = stores.get_store(&url).map_err(|error| Error::planning(&error))?;
    let prefix = Path::from_url_path(url.path()).map_err(|error| Error::bad_input(format!("{uri}: {error}")))?;
    match store.list(Some(&prefix)).next().await {
        Some(Err(error)) => Err(explain(&error, Some(place(stores, &url)))),
        _ => Ok(()),
    }
}

/// A URI; a path alone is a file of this machine.
pub(crate) fn parse(uri: &str) -> Result<Url> {
    if uri.contains("://") {
        return Url::parse(uri).map_err(|error| Error::bad_input(format!("{uri}: {error}")));
    }
    let path = std::path::absolute(uri).map_err(|error| Error::bad_input(format!("{uri}: {error}")))?;
    Url::from_file_path(path).map_err(|()| Error::bad_input(format!("{uri} is not a path")))
}

fn place<'a>(stores: &Stores, url: &'a Url) -> Place<'a> {
    Place { url, key_id: url.host_str().and_then(|bucket| stores.key_id(bucket)) }
}
