//! Counts what is asked of the API server, and how long the answers take, in a layer around the client. Labels are bounded:
//! verbs, kinds of objects and classes of answers.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use hyper::{Method, Request, Response, Uri};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use tower::{Layer, Service};

/// Requests to the API server, counted when they are answered; a watch when it begins.
#[derive(Clone)]
pub struct Requests {
    total: IntCounterVec,
    seconds: HistogramVec,
}

impl Requests {
    /// Registers its metrics.
    ///
    /// # Errors
    /// When another metric has the name.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let total = Opts::new("onager_api_requests_total", "Requests to the API server, by verb, resource and answer");
        let seconds = HistogramOpts::new("onager_api_request_duration_seconds", "Seconds until the API server answers")
            .buckets(prometheus::exponential_buckets(0.002, 3.0, 8)?);
        let requests = Self {
            total: IntCounterVec::new(total, &["verb", "resource", "code"])?,
            seconds: HistogramVec::new(seconds, &["verb"])?,
        };
        registry.register(Box::new(requests.total.clone()))?;
        registry.register(Box::new(requests.seconds.clone()))?;
        Ok(requests)
    }
}

impl<S> Layer<S> for Requests {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, requests: self.clone() }
    }
}

/// A client's service whose requests are counted.
#[derive(Clone)]
pub struct Counted<S> {
    inner: S,
    requests: Requests,
}

impl<S, A, B> Service<Request<A>> for Counted<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (verb, resource) = describe(request.method(), request.uri());
        let resource = resource.to_string();
        let requests = self.requests.clone();
        let began = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            let code = match &answer {
                Ok(answer) => class(answer.status().as_u16()),
                Err(_) => "none",
            };
            requests.total.with_label_values(&[verb, &resource, code]).inc();
            requests.seconds.with_label_values(&[verb]).observe(began.elapsed().as_secs_f64());
            answer
        })
    }
}

fn class(status: u16) -> &'static str {
    match status {
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}

/// The verb, and the resource with its subresource, such as `update` and `sparkapplications/status`.
fn describe<'a>(method: &Method, uri: &'a Uri) -> (&'static str, &'a str) {
    let path = uri.path().trim_matches('/');
    // api/v1/..., or apis/<group>/<version>/...
    let skip = if path.starts_with("apis/") { 3 } else { 2 };
    let mut rest = path.splitn(skip + 1, '/').nth(skip).unwrap_or("");
    if let Some(within) = rest.strip_prefix("namespaces/") {
        rest = within.split_once('/').map_or("namespaces", |(_, rest)| rest);
    }
    let mut parts = rest.splitn(3, '/');
    let (kind, name, sub) = (parts.next().unwrap_or(""), parts.next(), parts.next());
    let resource = match (kind, sub) {
        ("", _) => "other",
        ("sparkapplications", Some("status")) => "sparkapplications/status",
        ("scheduledsparkapplications", Some("status")) => "scheduledsparkapplications/status",
        (kind, _) => kind,
    };
    let watch = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1"));
    let verb = match (method.as_str(), name) {
        ("GET", _) if watch => "watch",
        ("GET", Some(_)) => "get",
        ("GET", None) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", _) => "delete",
        _ => "other",
    };
    (verb, resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_by_its_verb_and_kind_of_object() {
        for (method, path, verb, resource) in [
            ("GET", "/api/v1/pods?watch=true&timeoutSeconds=290", "watch", "pods"),
            ("GET", "/api/v1/nodes?limit=500", "list", "nodes"),
            ("POST", "/api/v1/namespaces/alpha/pods?", "create", "pods"),
            ("DELETE", "/api/v1/namespaces/alpha/services/a-driver?", "delete", "services"),
            (
                "PUT",
                "/apis/onager.dev/v1alpha1/namespaces/alpha/sparkapplications/a/status?",
                "update",
                "sparkapplications/status",
            ),
            ("GET", "/api/v1/namespaces/alpha", "list", "namespaces"),
            ("GET", "/version", "list", "other"),
        ] {
            let uri: Uri = path.parse().expect("a path");
            let method: Method = method.parse().expect("a method");
            assert_eq!(describe(&method, &uri), (verb, resource), "{path}");
        }
    }
}
