//! One question of the API server and its answer, as `admission.k8s.io/v1` has them. Whatever comes in, something goes out,
//! in time: what cannot be judged is refused with a sentence that says why.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::header,
    response::{IntoResponse, Response},
    routing::post,
};
use futures::FutureExt;
use kube::core::{
    DynamicObject, Status,
    admission::{AdmissionRequest, AdmissionResponse, AdmissionReview, Operation},
    response::{StatusCause, StatusDetails, StatusSummary},
};
use onager_core::rules::{self, Kind, Verdict};
use serde_json::Value;
use tokio::sync::watch;

use super::{
    metrics::{Answer, WebhookMetrics},
    queues::Queues,
    rights::Rights,
    server::Phase,
};

/// An update carries the object twice: the new one, up to the API server's 3 MiB, and the old one, up to etcd's 1.5 MiB.
const BODY_LIMIT: usize = 6 << 20;
/// The API server waits for 5 s (`timeoutSeconds`); a sentence in time is better than its "context deadline exceeded".
const LIMIT: Duration = Duration::from_secs(4);
/// The longest message; API servers and clients cut longer ones, or fail on them.
const MESSAGE_LIMIT: usize = 16 << 10;

#[derive(Clone)]
struct Shared {
    rights: Arc<Rights>,
    queues: Arc<Queues>,
    metrics: WebhookMetrics,
    phase: watch::Receiver<Phase>,
}

/// The paths that the chart's configurations name.
pub fn router(rights: Rights, queues: Queues, metrics: WebhookMetrics, phase: watch::Receiver<Phase>) -> Router {
    Router::new()
        .route("/validate", post(async |shared: State<Shared>, body: Bytes| answer("validate", &shared, &body).await))
        .route("/default", post(async |shared: State<Shared>, body: Bytes| answer("default", &shared, &body).await))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Shared { rights: Arc::new(rights), queues: Arc::new(queues), metrics, phase })
}

/// What is asked: the request without its objects, and these as they came, unknown fields included.
struct Question {
    request: AdmissionRequest<DynamicObject>,
    object: Value,
    old: Option<Value>,
}

async fn answer(webhook: &'static str, shared: &Shared, body: &[u8]) -> Response {
    let began = Instant::now();
    let (response, kind) = match read(body) {
        Ok(question) => {
            let judged = AssertUnwindSafe(judge(webhook, shared, &question)).catch_unwind();
            match tokio::time::timeout(LIMIT, judged).await {
                Ok(Ok(response)) => {
                    let kind = if response.allowed { Answer::Allowed } else { Answer::Denied };
                    (response, kind)
                }
                Ok(Err(_)) => {
                    tracing::error!(webhook, name = question.request.name, "a request could not be judged");
                    (
                        refuse(&question.request, 500, "InternalError", "the webhook failed: see the operator's log"),
                        Answer::Error,
                    )
                }
                Err(_) => {
                    let words = format!("the webhook had no answer within {} s: try again", LIMIT.as_secs());
                    (refuse(&question.request, 504, "Timeout", &words), Answer::Error)
                }
            }
        }
        Err(error) => (AdmissionResponse::invalid(format!("not a question of an API server: {error}")), Answer::Error),
    };
    shared.metrics.answered(webhook, kind, began.elapsed());
    let mut response = Json(response.into_review()).into_response();
    if *shared.phase.borrow() != Phase::Serving {
        response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    }
    response
}

fn read(body: &[u8]) -> Result<Question, String> {
    let mut review: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut take = |path: &str| review.pointer_mut(path).map(Value::take).filter(|value| !value.is_null());
    let (object, old) = (take("/request/object"), take("/request/oldObject"));
    let review: AdmissionReview<DynamicObject> = serde_json::from_value(review).map_err(|error| error.to_string())?;
    let request = review.try_into().map_err(|_| "it has no request".to_string())?;
    Ok(Question { request, object: object.unwrap_or_default(), old })
}

async fn judge(webhook: &str, shared: &Shared, question: &Question) -> AdmissionResponse {
    let (Question { request, object, old }, rights) = (question, &shared.rights);
    let asked = matches!(request.operation, Operation::Create | Operation::Update);
    // The garbage collector and finalizers of others must always come through.
    let leaving = object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null());
    if !asked || leaving || request.sub_resource.as_deref().is_some_and(|part| !part.is_empty()) {
        return AdmissionResponse::from(request);
    }
    let Some(kind) = Kind::named(&request.kind.group, &request.kind.kind) else {
        let words = format!("{} is not a kind that this webhook knows", request.kind.kind);
        return refuse(request, 400, "BadRequest", &words);
    };
    match webhook {
        "validate" => {
            let mut verdict = rules::check(object, kind, old.as_ref());
            if verdict.faults.is_empty() {
                let (refusal, among) = futures::join!(
                    without_right(rights, question, kind),
                    shared.queues.judge(object, kind, old.as_ref())
                );
                if let Some(refusal) = refusal {
                    return refusal;
                }
                verdict.add(among);
            }
            validated(request, verdict)
        }
        _ => {
            let user = &request.user_info;
            // A run of a schedule is its author's, not the operator's.
            let of_schedule = rules::defaults::signature(object).filter(|_| kind == Kind::SparkApplication);
            let author = match of_schedule {
                Some(author) if rights.is_own_run(user, object).await => author,
                _ => user.username.as_deref().unwrap_or_default(),
            };
            let filled = rules::defaults::filled(object, kind, old.as_ref(), author);
            patched(request, rules::patch::between(object, &filled))
        }
    }
}

/// The refusal, where the author may not use a service account that the object names.
async fn without_right(rights: &Rights, question: &Question, kind: Kind) -> Option<AdmissionResponse> {
    let Question { request, object, old } = question;
    if !rules::accounts::changed(object, kind, old.as_ref()) {
        return None;
    }
    let accounts = rules::accounts::named(object, kind);
    let user = &request.user_info;
    if accounts.is_empty() || (kind == Kind::SparkApplication && rights.is_own_run(user, object).await) {
        return None;
    }
    let namespace = request.namespace.as_deref().unwrap_or_default();
    let answers = accounts.iter().map(|(path, account)| async move {
        let who = user.username.as_deref().unwrap_or_default();
        let what = format!("{path}: whether {who:?} may use service account {account:?} in namespace {namespace:?}");
        match rights.may_use(user, namespace, account).await {
            Ok(true) => None,
            Ok(false) => Some((403, "Forbidden", format!(
                "{path}: {who:?} may not use service account {account:?} in namespace {namespace:?}: that needs the verb impersonate on it, which the role edit has; or name another, or none"
            ))),
            Err(error) => Some((500, "InternalError", format!("{what} is not known, so it is refused: {error}"))),
        }
    });
    let refusals: Vec<_> = futures::future::join_all(answers).await.into_iter().flatten().collect();
    let (code, reason, _) = refusals.first()?;
    let words: Vec<&str> = refusals.iter().map(|(_, _, words)| words.as_str()).collect();
    Some(refuse(request, *code, reason, &words.join("; ")))
}

fn patched(request: &AdmissionRequest<DynamicObject>, operations: Vec<Value>) -> AdmissionResponse {
    let response = AdmissionResponse::from(request);
    if operations.is_empty() {
        return response;
    }
    let patch = serde_json::from_value(Value::Array(operations)).map_err(|error| error.to_string());
    match patch.and_then(|patch| response.with_patch(patch).map_err(|error| error.to_string())) {
        Ok(response) => response,
        Err(error) => refuse(request, 500, "InternalError", &format!("no defaults could be set: {error}")),
    }
}

fn validated(request: &AdmissionRequest<DynamicObject>, verdict: Verdict) -> AdmissionResponse {
    let mut response = if verdict.faults.is_empty() {
        AdmissionResponse::from(request)
    } else {
        let words: Vec<String> = verdict.faults.iter().map(ToString::to_string).collect();
        let mut response = refuse(request, 422, "Invalid", &words.join("; "));
        // In the form of the API server's own validation, which kubectl prints as a list.
        response.result.details = Some(StatusDetails {
            name: request.name.clone(),
            group: request.kind.group.clone(),
            kind: request.kind.kind.clone(),
            uid: String::new(),
            retry_after_seconds: 0,
            causes: verdict
                .faults
                .into_iter()
                .map(|fault| StatusCause {
                    reason: "FieldValueInvalid".into(),
                    message: fault.message,
                    field: fault.path,
                })
                .collect(),
        });
        response
    };
    response.warnings = Some(verdict.warnings).filter(|warnings| !warnings.is_empty());
    response
}

fn refuse(request: &AdmissionRequest<DynamicObject>, code: u16, reason: &str, message: &str) -> AdmissionResponse {
    let mut response = AdmissionResponse::from(request);
    response.allowed = false;
    let mut message = message.to_string();
    if message.len() > MESSAGE_LIMIT {
        message.truncate(message.floor_char_boundary(MESSAGE_LIMIT));
        message.push_str(" ...");
    }
    response.result =
        Status { status: Some(StatusSummary::Failure), code, reason: reason.into(), message, ..Status::default() };
    response
}
