//! Brings an application's files and archives to where its driver and executors find them by name: one folder, at the same
//! path in all of them, which becomes the working directory. A file that is not there, or an archive that is none, is bad
//! input and named; it never writes outside of that folder.

mod fetch;
mod unpack;

use std::collections::HashSet;
use std::path::Path;
use std::{env, fs, process};

use futures::stream::{self, StreamExt, TryStreamExt};
use onager_contract::Deps;
use tracing::info;
use url::Url;

use crate::overrides::files_dir;
use crate::stores::{self, Stores};
use crate::{Error, Result};

/// Files that are fetched at once.
const AT_ONCE: usize = 4;

/// Something to bring.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    url: Url,
    /// Under which name it stands in the folder.
    name: String,
    archive: bool,
}

/// Brings everything and makes its folder the working directory; does nothing where there is nothing to bring.
pub(crate) async fn bring(deps: &Deps, stores: &Stores) -> Result<()> {
    if deps.is_empty() {
        return Ok(());
    }
    let (items, folder) = (items(deps)?, files_dir());
    let failed = |error: std::io::Error| Error::platform(format!("{}: {error}", folder.display()));
    fs::create_dir_all(&folder).map_err(failed)?;
    stream::iter(items.iter().map(|item| bring_one(item, &folder, stores)))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    env::set_current_dir(&folder).map_err(failed)?;
    info!(folder = %folder.display(), "{} files are there: {}", items.len(), names(&items));
    Ok(())
}

fn names(items: &[Item]) -> String {
    let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    names.join(", ")
}

/// What is to be brought, each under a name of its own.
fn items(deps: &Deps) -> Result<Vec<Item>> {
    let files = deps.files.iter().chain(&deps.py_files).map(|uri| item(uri, false));
    let items = files.chain(deps.archives.iter().map(|uri| item(uri, true))).collect::<Result<Vec<Item>>>()?;
    let mut names = HashSet::new();
    for item in &items {
        if !names.insert(&item.name) {
            return Err(Error::bad_input(format!(
                "two of the application's files have the name {:?}: give one another, as in {}#NAME",
                item.name,
                fetch::shown(&item.url)
            )));
        }
    }
    Ok(items)
}

fn item(uri: &str, archive: bool) -> Result<Item> {
    let mut url = stores::parse(uri.split_once('#').map_or(uri, |(before, _)| before))?;
    url.set_fragment(None);
    let last = || url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default().to_string();
    let name = uri.split_once('#').map_or_else(last, |(_, name)| name.to_string());
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(Error::bad_input(format!("{}: {name:?} is not the name of a file", fetch::shown(&url))));
    }
    if archive && unpack::Format::of(url.path()).is_none() {
        return Err(Error::bad_input(format!(
            "{}: an archive ends in .zip, .tar, .tar.gz or .tgz",
            fetch::shown(&url)
        )));
    }
    Ok(Item { url, name, archive })
}

/// Writes aside first: what stands under its name is whole.
async fn bring_one(item: &Item, folder: &Path, stores: &Stores) -> Result<()> {
    let (place, aside) = (folder.join(&item.name), folder.join(format!(".{}-{}", item.name, process::id())));
    let unpacked = folder.join(format!(".{}-{}-unpacked", item.name, process::id()));
    let result = match fetch::to_file(&item.url, &aside, stores).await {
        Ok(()) if item.archive => unpack::archive(item, &aside, &unpacked).await,
        result => result,
    };
    let result = result.and_then(|()| {
        let made = if item.archive { &unpacked } else { &aside };
        match fs::rename(made, &place) {
            // Another process on this machine brought it.
            Err(_) if item.archive && place.is_dir() => Ok(()),
            Err(error) => Err(Error::platform(format!("{}: {error}", place.display()))),
            Ok(()) => Ok(()),
        }
    });
    let _ = fs::remove_file(&aside);
    let _ = fs::remove_dir_all(&unpacked);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deps(files: &[&str], archives: &[&str]) -> Deps {
        let owned = |list: &[&str]| list.iter().map(|uri| uri.to_string()).collect();
        Deps { files: owned(files), py_files: Vec::new(), archives: owned(archives) }
    }

    #[test]
    fn a_file_has_the_last_part_of_its_path_or_the_name_after_the_hash() {
        let items =
            items(&deps(&["s3a://lake/a/rates.csv", "https://h/x?sign=1#zones.csv"], &["local:///e/env.tar.gz#env"]));
        let names: Vec<String> = items.expect("items").into_iter().map(|item| item.name).collect();
        assert_eq!(names, ["rates.csv", "zones.csv", "env"]);
    }

    #[test]
    fn names_that_lead_elsewhere_or_meet_are_refused() {
        let message =
            |files: &[&str], archives: &[&str]| items(&deps(files, archives)).expect_err("refused").to_string();
        for wrong in ["s3a://lake/a#../b", "s3a://lake/a#x/y", "s3a://lake/folder/", "s3a://lake/a#.."] {
            assert!(message(&[wrong], &[]).contains("not the name of a file"), "{wrong}");
        }
        assert!(message(&["s3a://a/x.csv", "s3a://b/x.csv"], &[]).contains("the name \"x.csv\""));
        assert!(message(&[], &["s3a://a/x.rar"]).contains("an archive ends in"));
    }

    #[tokio::test]
    async fn a_missing_file_is_bad_input_and_named() {
        let stores = Stores::new(Default::default());
        let item = item("local:///nowhere/rates.csv", false).expect("item");
        let error = bring_one(&item, &env::temp_dir(), &stores).await.expect_err("missing");
        assert_eq!(error.class(), onager_contract::ErrorClass::BadInput);
        assert!(error.to_string().contains("local:///nowhere/rates.csv"), "{error}");
    }
}
