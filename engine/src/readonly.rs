//! A small HTTP server for what may be looked at and never changed: it answers GET and HEAD, takes no body, and gives every
//! connection and answer a limit, so that whoever asks too much only hinders himself.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::serve::Listener;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tracing::{info, warn};
use url::form_urlencoded;

/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 64;
/// A connection on which nothing moves for so long is closed.
const SILENCE: Duration = Duration::from_secs(20);
/// No connection lives longer.
const LIFETIME: Duration = Duration::from_secs(300);
/// An answer that takes longer is given up.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Bytes of a path with its query.
const LONGEST_PATH: usize = 2_048;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The path, from slash to slash; empty for the root.
    pub path: Vec<String>,
    /// Whether the path ends with a slash.
    pub is_folder: bool,
    query: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn of(uri: &axum::http::Uri) -> Self {
        let path = uri.path().split('/').filter(|part| !part.is_empty()).map(str::to_string).collect();
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        Self { path, is_folder: uri.path().ends_with('/'), query }
    }

    /// A value of the query; empty where there is none.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// A number of the query.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.value(name).parse().ok()
    }
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub body: String,
    /// Where to go instead.
    pub location: Option<String>,
}

const TEXT: &str = "text/plain; charset=utf-8";

impl Reply {
    pub(crate) fn new(content_type: &'static str, body: String) -> Self {
        Self { status: StatusCode::OK, content_type, body, location: None }
    }

    /// Leads to an address relative to the one that was asked for.
    pub(crate) fn elsewhere(location: String) -> Self {
        Self { status: StatusCode::PERMANENT_REDIRECT, location: Some(location), ..Self::new(TEXT, String::new()) }
    }

    pub(crate) fn text(status: StatusCode, words: &str) -> Self {
        Self { status, ..Self::new(TEXT, format!("{words}\n")) }
    }
}

/// Makes the answers.
pub(crate) type Answers = Arc<dyn Fn(Asked) -> BoxFuture<'static, Reply> + Send + Sync>;

/// The policy of what has no pages.
pub(crate) const NO_PAGES: &str = "default-src 'none'; frame-ancestors 'none'";

/// The hash by which a page's policy allows one inline style or script.
pub(crate) fn allowed(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Serves at an address; port 0 means nowhere. A port that cannot be had ends no run.
pub(crate) async fn open(address: SocketAddr, what: &'static str, policy: String, answers: Answers) {
    let port = address.port();
    if port == 0 {
        return;
    }
    match TcpListener::bind(address).await {
        Ok(listener) => {
            info!("serves {what} on port {port}");
            tokio::spawn(async move { serve(listener, &policy, answers).await });
        }
        Err(error) => warn!("cannot serve {what}: port {port}: {error}"),
    }
}

#[derive(Clone)]
struct Site {
    answers: Answers,
    headers: HeaderMap,
}

/// Answers as long as the process runs. `policy` is the Content-Security-Policy of its pages.
async fn serve(listener: TcpListener, policy: &str, answers: Answers) {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let headers = headers.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?)));
    let site = Site { answers, headers: headers.collect::<Vec<(HeaderName, HeaderValue)>>().into_iter().collect() };
    let router = Router::new().fallback(answer).with_state(site);
    if let Err(error) = axum::serve(Limited::new(listener), router).await {
        warn!("a port that shows what goes on is closed: {error}");
    }
}

async fn answer(State(site): State<Site>, request: Request) -> Response {
    let reply = match refusal(&request) {
        Some(reply) => reply,
        None => {
            let answer = (site.answers)(Asked::of(request.uri()));
            tokio::time::timeout(ANSWER_LIMIT, answer)
                .await
                .unwrap_or_else(|_| Reply::text(StatusCode::SERVICE_UNAVAILABLE, "the answer takes too long"))
        }
    };
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = site.headers;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    if let Some(location) = reply.location.and_then(|location| HeaderValue::from_str(&location).ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if reply.status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

/// Why a request is not answered.
fn refusal(request: &Request) -> Option<Reply> {
    let headers = request.headers();
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        Some(Reply::text(StatusCode::METHOD_NOT_ALLOWED, "there is nothing to change here: only GET and HEAD"))
    } else if has_body {
        Some(Reply::text(StatusCode::PAYLOAD_TOO_LARGE, "a request here has no body"))
    } else if path > LONGEST_PATH {
        Some(Reply::text(StatusCode::URI_TOO_LONG, "the path is too long"))
    } else {
        None
    }
}

/// A listener whose connections are few and do not live for ever.
struct Limited {
    listener: TcpListener,
    free: Arc<Semaphore>,
}

impl Limited {
    fn new(listener: TcpListener) -> Self {
        Self { listener, free: Arc::new(Semaphore::new(CONNECTIONS)) }
    }
}

impl Listener for Limited {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let permit = self.free.clone().acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let _ = stream.set_nodelay(true);
        let end = Instant::now() + LIFETIME;
        (Connection { stream, end, alarm: Box::pin(tokio::time::sleep(SILENCE)), _permit: permit }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

struct Connection {
    stream: TcpStream,
    end: Instant,
    alarm: Pin<Box<Sleep>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// Lets what moves move, and ends what is silent.
    fn watch<T>(&mut self, poll: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            let next = (Instant::now() + SILENCE).min(self.end);
            self.alarm.as_mut().reset(next);
            return poll;
        }
        self.alarm.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(poll, context)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(poll, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_its_query_are_taken_apart() {
        assert!(Asked::of(&"/jobs/".parse().expect("URI")).is_folder);
        let asked = Asked::of(&"/stages//3/2?sort=rows&page=7&x=%3Cb%3E".parse().expect("URI"));
        assert_eq!(asked.path, ["stages", "3", "2"]);
        assert_eq!((asked.value("sort"), asked.number("page"), asked.value("x")), ("rows", Some(7), "<b>"));
        assert_eq!((asked.value("none"), asked.number("sort")), ("", None));
    }

    #[test]
    fn only_a_look_is_answered() {
        let ask = |method: &str, path: &str, body: Option<&str>| {
            let mut request = Request::builder().method(method).uri(path);
            if let Some(length) = body {
                request = request.header(header::CONTENT_LENGTH, length);
            }
            refusal(&request.body(Body::empty()).expect("request")).map(|reply| reply.status.as_u16())
        };
        assert_eq!(ask("GET", "/", None), None);
        assert_eq!(ask("HEAD", "/jobs", Some("0")), None);
        assert_eq!(ask("POST", "/", None), Some(405));
        assert_eq!(ask("DELETE", "/jobs/1", None), Some(405));
        assert_eq!(ask("GET", "/", Some("7")), Some(413));
        assert_eq!(ask("GET", &format!("/{}", "x".repeat(LONGEST_PATH)), None), Some(414));
    }
}
