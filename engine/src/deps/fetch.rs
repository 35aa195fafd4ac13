//! Fetches one file: from the image, an object store, or a web server. It follows redirects, and tries again what a server
//! may mend by itself; its messages show neither the credentials nor the signature that a URI may carry.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Response};
use tracing::warn;
use url::Url;

use crate::stores::{self, Stores};
use crate::{Error, Result};

/// The most one file may have, 20 GiB: the volume it goes to has 50.
const MOST_BYTES: u64 = 20 << 30;
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const READ_LIMIT: Duration = Duration::from_secs(60);
const TRIES: u32 = 4;

/// Writes what is at `url` to the file at `path`.
pub(super) async fn to_file(url: &Url, path: &Path, stores: &Stores) -> Result<()> {
    let written = |error: io::Error| Error::platform(format!("{}: {error}", path.display()));
    match url.scheme() {
        "local" | "file" => from_image(url, path),
        "s3" | "s3a" => stores::download(stores, url, &mut File::create(path).map_err(written)?, MOST_BYTES).await,
        "http" | "https" => {
            let mut tried = 1;
            loop {
                match from_web(url, &mut File::create(path).map_err(written)?).await {
                    Err(Failed::Again(reason)) if tried < TRIES => {
                        warn!("{}: {reason}; tries again", shown(url));
                        tokio::time::sleep(Duration::from_secs(tried.into())).await;
                        tried += 1;
                    }
                    Err(Failed::Again(reason)) => return Err(Error::platform(format!("{}: {reason}", shown(url)))),
                    Err(Failed::Final(error)) => return Err(error),
                    Ok(()) => return Ok(()),
                }
            }
        }
        scheme => Err(Error::bad_input(format!(
            "{}: files are not brought from {scheme}:// (known: local, s3a, s3, http, https)",
            shown(url)
        ))),
    }
}

/// The address without what is secret in it: user, password and query.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Neither can be set where an address has no host; then there is none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}

/// A link will do: it stays as long as the container.
fn from_image(url: &Url, path: &Path) -> Result<()> {
    let missing = |reason: &dyn std::fmt::Display| Error::bad_input(format!("{}: {reason}", shown(url)));
    let source = Url::parse(&format!("file://{}", url.path())).ok().and_then(|url| url.to_file_path().ok());
    let source = source.ok_or_else(|| missing(&"is not a path"))?;
    match std::fs::metadata(&source) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(missing(&"is not a file")),
        Err(error) => return Err(missing(&error)),
    }
    let _ = std::fs::remove_file(path);
    std::os::unix::fs::symlink(&source, path).map_err(|error| Error::platform(format!("{}: {error}", path.display())))
}

enum Failed {
    Again(String),
    Final(Error),
}

async fn from_web(url: &Url, file: &mut File) -> Result<(), Failed> {
    let client = Client::builder().connect_timeout(CONNECT_LIMIT).read_timeout(READ_LIMIT).build();
    let client = client.map_err(|error| Failed::Final(Error::platform(error.to_string())))?;
    let answer = client.get(url.clone()).send().await.map_err(again)?;
    let status = answer.status();
    if status.is_server_error() || status.as_u16() == 429 {
        return Err(Failed::Again(format!("the server answers {status}")));
    }
    if !status.is_success() {
        return Err(Failed::Final(Error::bad_input(format!("{}: the server answers {status}", shown(url)))));
    }
    copy(url, answer, file).await
}

async fn copy(url: &Url, mut answer: Response, file: &mut File) -> Result<(), Failed> {
    let mut bytes = 0;
    while let Some(part) = answer.chunk().await.map_err(again)? {
        bytes += part.len() as u64;
        if bytes > MOST_BYTES {
            let message = format!("{} has more than {MOST_BYTES} bytes, the most a file may have", shown(url));
            return Err(Failed::Final(Error::bad_input(message)));
        }
        file.write_all(&part).map_err(|error| Failed::Final(Error::platform(format!("{}: {error}", shown(url)))))?;
    }
    Ok(())
}

/// The outer error tells the address, with its secrets; the inner one tells why.
fn again(error: reqwest::Error) -> Failed {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        reason = inner.to_string();
        source = inner.source();
    }
    Failed::Again(reason)
}

#[cfg(test)]
mod tests {
    use onager_contract::ErrorClass;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request after the other with these.
    async fn server(answers: Vec<&'static str>) -> Url {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("port");
        let url = format!("http://user:secret@{}/x.csv?signature=secret", listener.local_addr().expect("address"));
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.expect("connection");
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Url::parse(&url).expect("URL")
    }

    async fn fetched(name: &str, answers: Vec<&'static str>) -> Result<String> {
        let path = std::env::temp_dir().join(format!("onager-fetch-{}-{name}", std::process::id()));
        let result = to_file(&server(answers).await, &path, &Stores::new(Default::default())).await;
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(&path);
        result.map(|()| text)
    }

    #[tokio::test]
    async fn a_server_that_is_busy_is_asked_again() {
        let busy = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let done = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\na,b";
        assert_eq!(fetched("busy", vec![busy, done]).await.expect("text"), "a,b");
    }

    #[tokio::test]
    async fn a_missing_file_is_bad_input_and_no_secret_is_told() {
        let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let error = fetched("missing", vec![missing]).await.expect_err("missing");
        assert_eq!(error.class(), ErrorClass::BadInput);
        let text = error.to_string();
        assert!(text.contains("/x.csv: the server answers 404") && !text.contains("secret"), "{text}");
    }
}
