//! The destination: one object store and a prefix in it. A data set is written file by file and then its marker, so a
//! marker means that everything before it is whole. It knows nothing of what the files hold.

use std::time::Instant;

use anyhow::{Context, Result};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use url::Url;

/// A name and the files it stands for. Files are made one at a time, so memory holds one of them.
pub struct DataSet {
    /// Its folder, under which the marker lies.
    pub folder: String,
    /// What it was made from. Another recipe makes it anew.
    pub recipe: String,
    /// Its files.
    pub files: Vec<NewFile>,
}

/// Makes the bytes of a file.
pub type Make = Box<dyn Fn() -> Result<Vec<u8>> + Send + Sync>;

/// A file that can be made.
pub struct NewFile {
    /// Its path under the data set's folder.
    pub path: String,
    /// Makes its content, the same each time.
    pub make: Make,
}

/// What a marker holds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    recipe: String,
    files: Vec<(String, u64)>,
}

/// An object store, a prefix in it, and the time since it was opened.
pub struct Store {
    store: Box<dyn ObjectStore>,
    prefix: Path,
    opened: Instant,
}

impl Store {
    /// Opens `url`; an S3 store takes its settings from the environment's `AWS_*` variables.
    pub fn open(url: &Url) -> Result<Self> {
        let settings = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
        let settings = settings.map(|(name, value)| (name.to_ascii_lowercase(), value));
        let (store, prefix) = object_store::parse_url_opts(url, settings)
            .with_context(|| format!("cannot use {url} as a destination"))?;
        Ok(Self { store, prefix, opened: Instant::now() })
    }

    /// Prints a line of progress with the seconds since the start.
    pub fn say(&self, line: &str) {
        println!("{:6.1} s  {line}", self.opened.elapsed().as_secs_f64());
    }

    /// Makes the data set unless its marker and its files are there.
    pub async fn ensure(&self, set: &DataSet) -> Result<()> {
        let marker = format!("{}/_made_by_onager_data.json", set.folder);
        if self.is_whole(set, &marker).await? {
            self.say(&format!("{}: present", set.folder));
            return Ok(());
        }
        let mut files = Vec::new();
        for file in &set.files {
            let path = format!("{}/{}", set.folder, file.path);
            let bytes = (file.make)().with_context(|| format!("cannot make {path}"))?;
            let size = bytes.len() as u64;
            self.put(&path, bytes).await?;
            self.say(&format!("{path}: {:.1} MB", size as f64 / 1e6));
            files.push((file.path.clone(), size));
        }
        let content = Marker { recipe: set.recipe.clone(), files };
        self.put(&marker, serde_json::to_vec_pretty(&content)?).await
    }

    /// Writes one object.
    pub async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<()> {
        let path = self.full(path);
        self.store.put(&path, bytes.into()).await.with_context(|| format!("cannot write {path}"))?;
        Ok(())
    }

    async fn is_whole(&self, set: &DataSet, marker: &str) -> Result<bool> {
        let Some(bytes) = self.get(marker).await? else { return Ok(false) };
        // A marker of another version may not parse; its data set is then made anew.
        let Ok(marker) = serde_json::from_slice::<Marker>(&bytes) else { return Ok(false) };
        if marker.recipe != set.recipe {
            return Ok(false);
        }
        for (path, size) in &marker.files {
            let path = self.full(&format!("{}/{path}", set.folder));
            match self.store.head(&path).await {
                Ok(found) if found.size == *size => {}
                Ok(_) | Err(object_store::Error::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(error).with_context(|| format!("cannot look at {path}")),
            }
        }
        Ok(true)
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let path = self.full(path);
        match self.store.get(&path).await {
            Ok(found) => Ok(Some(found.bytes().await?.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {path}")),
        }
    }

    fn full(&self, path: &str) -> Path {
        Path::from_iter(self.prefix.parts().chain(Path::from(path).parts()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A data set of one file, and how often that was made.
    fn counted(recipe: &str) -> (DataSet, Arc<AtomicU32>) {
        let made = Arc::new(AtomicU32::new(0));
        let count = made.clone();
        let make: Make = Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(b"rows".to_vec())
        });
        let files = vec![NewFile { path: "part-0".into(), make }];
        (DataSet { folder: "set".into(), recipe: recipe.into(), files }, made)
    }

    fn in_memory() -> Store {
        Store::open(&"memory:///".parse().expect("URL")).expect("store")
    }

    #[tokio::test]
    async fn what_is_there_is_not_made_again() {
        let store = in_memory();
        let (set, made) = counted("v1");
        store.ensure(&set).await.expect("first");
        store.ensure(&set).await.expect("second");
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn another_recipe_makes_it_anew() {
        let store = in_memory();
        store.ensure(&counted("v1").0).await.expect("first");
        let (set, made) = counted("v2");
        store.ensure(&set).await.expect("second");
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_file_that_was_lost_is_made_again() {
        let store = in_memory();
        let (set, made) = counted("v1");
        store.ensure(&set).await.expect("first");
        store.store.delete(&store.full("set/part-0")).await.expect("delete");
        store.ensure(&set).await.expect("second");
        assert_eq!(made.load(Ordering::Relaxed), 2);
    }
}
