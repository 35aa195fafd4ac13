//! The webhook as an API server meets it: over TLS, with a certificate that changes, and with bodies that make no sense.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::*;

const OPERATOR: &str = "system:serviceaccount:onager-system:onager";
const NAME: &str = "onager-webhook.onager-system.svc";

struct Ground {
    address: SocketAddr,
    served: Arc<Served>,
    phase: watch::Sender<Phase>,
    server: tokio::task::JoinHandle<anyhow::Result<()>>,
}

/// Lets ann use every account but `admin`, does not answer about `slow`, calls the operator by its name, and has the Queue
/// `team/below` under `team/above`.
fn api_server() -> kube::Client {
    let answer = |request: Request<kube::client::Body>| async move {
        let (parts, body) = request.into_parts();
        let asked: Value = serde_json::from_slice(&body.collect_bytes().await?).unwrap_or_default();
        let account = asked["spec"]["resourceAttributes"]["name"].as_str().unwrap_or_default();
        if account == "slow" {
            return Err("no answer".into());
        }
        let answer = match parts.uri.path() {
            "/apis/authentication.k8s.io/v1/selfsubjectreviews" => {
                json!({"status": {"userInfo": {"username": OPERATOR}}})
            }
            "/apis/onager.dev/v1alpha1/queues" => {
                let queue = json!({"metadata": {"name": "below", "namespace": "team"}, "spec": {"parent": "above"}});
                json!({"metadata": {}, "items": [queue]})
            }
            "/apis/onager.dev/v1alpha1/namespaces/team/queues/below" => {
                json!({"metadata": {"name": "below", "namespace": "team"}, "spec": {"closed": true}})
            }
            path if path.contains("/queues/") => {
                return Err("no answer".into());
            }
            _ => json!({
                "spec": asked["spec"],
                "status": {"allowed": asked["spec"]["user"] == "ann" && account != "admin"},
            }),
        };
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Response::new(kube::client::Body::from(
            answer.to_string().into_bytes(),
        )))
    };
    kube::Client::new(tower::service_fn(answer), "default")
}

async fn ground() -> Ground {
    let (phase, phases) = watch::channel(Phase::Serving);
    let metrics = WebhookMetrics::register(&prometheus::Registry::new()).expect("metrics");
    let served = Arc::new(Served::new(metrics.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let tls = certificate::server_config(served.clone()).expect("TLS");
    let queues = Queues::new(api_server(), Vec::new());
    let app = review::router(Rights::new(api_server()), queues, metrics, phases.clone());
    let server = tokio::spawn(server::serve(listener, tls, app, phases));
    Ground { address, served, phase, server }
}

impl Ground {
    /// Serves a new certificate, and answers who vouches for it.
    fn renew(&self) -> String {
        let pair =
            certificate::pair(&[NAME.to_string()], Duration::from_secs(86_400), Timestamp::now()).expect("a pair");
        self.served.exchange(&pair.certificate, &pair.key).expect("they fit");
        pair.ca
    }

    async fn ask(&self, trusted: &str, path: &str, body: Vec<u8>) -> anyhow::Result<(StatusCode, Value)> {
        let mut roots = RootCertStore::empty();
        for ca in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
            roots.add(ca?)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.address).await?;
        let stream = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(NAME)?, stream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = Request::post(path)
            .header("host", NAME)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

fn question(object: Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "operation": "CREATE", "name": "etl", "namespace": "team",
            "kind": {"group": "onager.dev", "version": "v1alpha1", "kind": "SparkApplication"},
            "resource": {"group": "onager.dev", "version": "v1alpha1", "resource": "sparkapplications"},
            "userInfo": {"username": "ann"}, "object": object,
        },
    })
}

fn application(memory: &str) -> Value {
    json!({
        "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication", "metadata": {"name": "etl", "namespace": "team"},
        "spec": {"type": "SQL", "mainApplicationFile": "local:///a.sql", "driver": {"memory": memory}},
    })
}

#[tokio::test]
async fn a_question_is_answered_with_words_that_kubectl_prints() {
    let ground = ground().await;
    let ca = ground.renew();
    let ask = async |object| {
        let (status, review) =
            ground.ask(&ca, "/validate", question(object).to_string().into_bytes()).await.expect("an answer");
        assert_eq!((status, &review["apiVersion"]), (StatusCode::OK, &json!("admission.k8s.io/v1")));
        assert_eq!(review["response"]["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
        review["response"].clone()
    };
    assert_eq!(ask(application("1g")).await["allowed"], true);
    let refused = ask(application("12potatoes")).await;
    assert_eq!((&refused["allowed"], &refused["status"]["reason"]), (&json!(false), &json!("Invalid")));
    assert!(refused["status"]["message"].as_str().is_some_and(|text| text.contains("512m")), "{refused}");
    assert!(refused["status"]["details"]["causes"][0]["field"].is_string(), "{refused}");
    let mut leaving = application("12potatoes");
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    assert_eq!(ask(leaving).await["allowed"], true, "what is being deleted must be able to go");
}

#[tokio::test]
async fn whatever_comes_in_an_answer_goes_out_and_it_is_no() {
    let ground = ground().await;
    let ca = ground.renew();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies = ["", "null", "7", "{", "[]", "{\"request\": null}", "{\"request\": {}}", "\u{0}\u{ffff}", &deep];
    for path in ["/validate", "/default"] {
        for body in bodies {
            let (status, review) = ground.ask(&ca, path, body.as_bytes().to_vec()).await.expect("an answer");
            assert_eq!((status, &review["response"]["allowed"]), (StatusCode::OK, &json!(false)), "{body:.20}");
        }
        let (status, _) = ground.ask(&ca, path, vec![b' '; 7 << 20]).await.expect("an answer");
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test]
async fn a_certificate_is_exchanged_while_questions_come() {
    let ground = ground().await;
    let body = || question(application("1g")).to_string().into_bytes();
    assert!(ground.ask("", "/validate", body()).await.is_err(), "nothing is served yet");
    let first = ground.renew();
    ground.ask(&first, "/validate", body()).await.expect("the first is served");
    let second = ground.renew();
    assert!(ground.ask(&first, "/validate", body()).await.is_err(), "the first is served no more");
    ground.ask(&format!("{first}{second}"), "/validate", body()).await.expect("who trusts both trusts the second");
}

#[tokio::test]
async fn the_end_waits_for_answers_under_way() {
    let ground = ground().await;
    let ca = ground.renew();
    ground.phase.send_replace(Phase::Draining);
    ground.ask(&ca, "/validate", question(application("1g")).to_string().into_bytes()).await.expect("still an answer");
    ground.phase.send_replace(Phase::Stopping);
    ground.server.await.expect("no panic").expect("a good end");
    assert!(TcpStream::connect(ground.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn who_may_not_use_a_service_account_may_not_have_pods_run_as_it() {
    let ground = ground().await;
    let ca = ground.renew();
    let ask = async |user: &str, change: &dyn Fn(&mut Value)| {
        let mut question = question(application("1g"));
        question["request"]["userInfo"]["username"] = user.into();
        change(&mut question["request"]);
        let body = question.to_string().into_bytes();
        ground.ask(&ca, "/validate", body).await.expect("an answer").1["response"].clone()
    };
    let account = |request: &mut Value, name: &str| request["object"]["spec"]["driver"]["serviceAccount"] = name.into();
    assert_eq!(ask("bob", &|_| {}).await["allowed"], true, "none is named");
    assert_eq!(ask("ann", &|request| account(request, "etl")).await["allowed"], true);
    let refused = ask("bob", &|request| account(request, "etl")).await;
    assert_eq!((&refused["allowed"], &refused["status"]["code"]), (&json!(false), &json!(403)));
    let message = refused["status"]["message"].as_str().unwrap_or_default();
    for words in ["spec.driver.serviceAccount", "\"bob\"", "\"etl\"", "impersonate"] {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(ask("ann", &|request| account(request, "admin")).await["status"]["code"], 403);
    assert_eq!(ask("ann", &|request| account(request, "slow")).await["status"]["code"], 500, "no answer is no");

    // What runs stays the same: not asked again. Something else runs: asked.
    let update = |request: &mut Value, field: &str, value: Value| {
        account(request, "etl");
        request["operation"] = "UPDATE".into();
        request["oldObject"] = request["object"].clone();
        request["object"]["spec"][field] = value;
    };
    assert_eq!(ask("bob", &|request| update(request, "suspend", true.into())).await["allowed"], true);
    assert_eq!(ask("bob", &|request| update(request, "arguments", json!(["x"]))).await["status"]["code"], 403);

    // A run of a schedule, whose author was asked about when they wrote it; nobody else may claim that.
    let run = |request: &mut Value| {
        account(request, "admin");
        request["object"]["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "onager.dev/v1alpha1", "kind": "ScheduledSparkApplication", "name": "s", "uid": "u", "controller": true,
        }]);
    };
    assert_eq!(ask(OPERATOR, &run).await["allowed"], true);
    assert_eq!(ask("ann", &run).await["status"]["code"], 403);
    assert_eq!(ask(OPERATOR, &|request| account(request, "admin")).await["status"]["code"], 403);
}

#[tokio::test]
async fn defaults_are_written_as_a_patch() {
    let ground = ground().await;
    let ca = ground.renew();
    let ask = async |question: Value| {
        let (_, review) = ground.ask(&ca, "/default", question.to_string().into_bytes()).await.expect("an answer");
        assert_eq!(review["response"]["allowed"], true, "{review}");
        let bytes = review["response"]["patch"].as_array().cloned().unwrap_or_default();
        let bytes: Vec<u8> = bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
        (review, String::from_utf8_lossy(&bytes).into_owned())
    };
    let (review, patch) = ask(question(application("1g"))).await;
    assert_eq!(review["response"]["patchType"], "JSONPatch");
    assert!(patch.contains("/spec/executor") && patch.contains("/spec/mode"), "{patch}");
    let mut schedule = question(json!({
        "metadata": {"name": "s"}, "spec": {"schedule": "@daily", "template": application("1g")["spec"]},
    }));
    schedule["request"]["kind"]["kind"] = "ScheduledSparkApplication".into();
    let (_, patch) = ask(schedule).await;
    assert!(patch.contains("onager.dev/author") && patch.contains("\"ann\""), "{patch}");

    // A run is signed by the author of its schedule, if it is the operator who makes it.
    for (user, author) in [(OPERATOR, "carl"), ("ann", "ann")] {
        let mut run = question(application("1g"));
        run["request"]["userInfo"]["username"] = user.into();
        run["request"]["object"]["metadata"]["annotations"] = json!({"onager.dev/author": "carl"});
        run["request"]["object"]["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "onager.dev/v1alpha1", "kind": "ScheduledSparkApplication", "name": "s", "uid": "u", "controller": true,
        }]);
        let (_, patch) = ask(run).await;
        assert_eq!(patch.contains("author"), author == "ann", "{patch}");
    }
}

#[tokio::test]
async fn a_queue_is_judged_among_those_there_are() {
    let ground = ground().await;
    let ca = ground.renew();
    let ask = async |kind: &str, object: Value| {
        let mut question = question(object);
        question["request"]["kind"]["kind"] = kind.into();
        let body = question.to_string().into_bytes();
        ground.ask(&ca, "/validate", body).await.expect("an answer").1["response"].clone()
    };
    let queue = |name: &str, spec: Value| json!({"metadata": {"name": name, "namespace": "team"}, "spec": spec});
    let right = ask("Queue", queue("etl", json!({"weight": 40}))).await;
    assert_eq!((&right["allowed"], right.get("warnings").filter(|some| !some.is_null())), (&json!(true), None));
    let cycle = ask("Queue", queue("above", json!({"parent": "below"}))).await;
    assert_eq!((&cycle["allowed"], &cycle["status"]["reason"]), (&json!(false), &json!("Invalid")));
    assert!(cycle["status"]["message"].as_str().is_some_and(|text| text.starts_with("spec.parent: ")), "{cycle}");
    let bad = ask("Queue", queue("etl", json!({"weight": 0}))).await;
    assert!(bad["status"]["message"].as_str().is_some_and(|text| text.starts_with("spec.weight: ")), "{bad}");
    let early = ask("Queue", queue("etl", json!({"parent": "later"}))).await;
    assert_eq!(early["allowed"], true);
    assert!(early["warnings"][0].as_str().is_some_and(|text| text.contains("team/later does not exist")), "{early}");

    let mut application = application("1g");
    for (name, allowed, words) in [("below", true, "is closed"), ("Below", false, ""), ("silent", true, "not known")] {
        application["spec"]["queue"] = name.into();
        let answer = ask("SparkApplication", application.clone()).await;
        let said = answer["warnings"].to_string();
        assert_eq!((&answer["allowed"], said.contains(words) || !allowed), (&json!(allowed), true), "{name}: {answer}");
    }
}
