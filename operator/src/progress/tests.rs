//! A driver on the loopback that says what a test wants, and an operator that asks it: who is woken, who has leave to go,
//! and that a driver that hangs is in nobody's way.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State as Extracted,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Event;
use onager_contract::{Drain, Idle, Phase, Progress, control};
use onager_crds::SparkApplication;
use prometheus::Registry;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle, time::timeout};

use super::{
    Followed, Run,
    poll::{Asker, follow},
};
use crate::{
    cache::Cache,
    control::{Address, Control, ControlError},
    metrics::Elastic,
};

/// Longer than a driver is waited for and asked again.
const LIMIT: Duration = Duration::from_secs(30);

/// What a driver says, and what it was asked.
#[derive(Clone)]
struct Driver {
    says: Arc<Mutex<Progress>>,
    stays: Arc<Mutex<BTreeSet<u32>>>,
    asked: mpsc::UnboundedSender<Drain>,
    token: String,
}

fn progress(executors: u32, pending_tasks: u64, running_tasks: u64) -> Progress {
    Progress { phase: Phase::Running, executors, pending_tasks, running_tasks, idle: Vec::new() }
}

impl Driver {
    /// One that knows this application's token; answers where it listens.
    async fn start(control: &Control, uid: &str, says: Progress) -> (Self, Address, mpsc::UnboundedReceiver<Drain>) {
        let (asked, drains) = mpsc::unbounded_channel();
        let says = Arc::new(Mutex::new(says));
        let driver = Self { says, stays: Arc::default(), asked, token: format!("Bearer {}", control.token(uid)) };
        let router = Router::new()
            .route(control::PROGRESS, get(Self::progress))
            .route(control::DRAIN, post(Self::drain))
            .with_state(driver.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (driver, Address { ip: "127.0.0.1".into(), port }, drains)
    }

    fn says(&self, progress: Progress) {
        *self.says.lock().expect("lock") = progress;
    }

    async fn progress(Extracted(driver): Extracted<Self>, headers: HeaderMap) -> Result<Json<Progress>, StatusCode> {
        let given = headers.get("authorization").and_then(|value| value.to_str().ok());
        let says = driver.says.lock().expect("lock").clone();
        if given == Some(&driver.token) { Ok(Json(says)) } else { Err(StatusCode::UNAUTHORIZED) }
    }

    async fn drain(Extracted(driver): Extracted<Self>, Json(drain): Json<Drain>) -> StatusCode {
        let stays = driver.stays.lock().expect("lock").contains(&drain.index);
        driver.asked.send(drain).expect("the test listens");
        if stays { StatusCode::CONFLICT } else { StatusCode::NO_CONTENT }
    }
}

fn app(name: &str, wanted: u32, state: &str) -> SparkApplication {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication",
        "metadata": {"name": name, "namespace": "alpha", "uid": format!("uid-{name}")},
        "spec": {
            "type": "SQL", "mainApplicationFile": "local:///a.sql",
            "dynamicAllocation": {"enabled": true, "minExecutors": 1, "maxExecutors": 8},
            "sparkConf": {"spark.dynamicAllocation.schedulerBacklogTimeout": "0s"},
        },
        "status": {
            "applicationState": {"state": state}, "submissionAttempts": 1,
            "executors": {"wanted": wanted, "running": wanted, "failed": 0, "highestIndex": wanted, "summary": ""},
        },
    }))
    .expect("an application")
}

fn pod(app: &str, role: &str, index: u32, address: &Address) -> Pod {
    let name = if role == "driver" { format!("{app}-driver") } else { format!("{app}-exec-{index}") };
    serde_json::from_value(serde_json::json!({
        "metadata": {
            "namespace": "alpha", "name": name, "uid": format!("uid-of-{name}"),
            "labels": {
                "onager.dev/app-name": app, "onager.dev/role": role, "onager.dev/executor-index": index.to_string(),
            },
            "ownerReferences": [
                {"apiVersion": "onager.dev/v1alpha1", "kind": "SparkApplication", "name": app, "uid": format!("uid-{app}")}
            ],
        },
        "spec": {"containers": [{"name": "onager", "ports": [{"name": "onager-control", "containerPort": address.port}]}]},
        "status": {"phase": "Running", "podIP": address.ip},
    }))
    .expect("a pod")
}

/// An operator that follows.
struct Ground {
    asker: Arc<Asker>,
    woken: mpsc::UnboundedReceiver<String>,
    news: Option<mpsc::UnboundedReceiver<Run>>,
    following: Option<JoinHandle<()>>,
}

impl Ground {
    fn new() -> Self {
        let (followed, news) = Followed::new(Elastic::new(&Registry::new()).expect("metrics"));
        let (wake, woken) = mpsc::unbounded_channel();
        let asker = Asker {
            control: Control::new(vec![7; 32]),
            cache: Arc::new(Cache::default()),
            followed: Arc::new(followed),
            wake: Box::new(move |_, name| drop(wake.send(name.to_string()))),
        };
        Self { asker: Arc::new(asker), woken, news: Some(news), following: None }
    }

    async fn driver(&self, name: &str, says: Progress) -> (Driver, Address, mpsc::UnboundedReceiver<Drain>) {
        Driver::start(&self.asker.control, &format!("uid-{name}"), says).await
    }

    /// An application that runs, its driver at this address, with executors.
    fn runs(&mut self, name: &str, driver: &Address, executors: u32) {
        let app = app(name, executors, "RUNNING");
        let cache = &self.asker.cache;
        cache.pods().insert(&pod(name, "driver", 0, driver));
        (1..=executors).for_each(|index| drop(cache.pods().insert(&pod(name, "executor", index, driver))));
        cache.apps().take_in("", &Event::Apply(app.clone()));
        assert_eq!(self.asker.followed.target(&app), Some(executors));
        if let Some(news) = self.news.take() {
            self.following = Some(tokio::spawn(follow(self.asker.clone(), news)));
        }
    }

    fn target(&self, name: &str) -> Option<u32> {
        self.asker.followed.target(&app(name, 1, "RUNNING"))
    }

    async fn is_woken(&mut self) -> String {
        timeout(LIMIT, self.woken.recv()).await.expect("somebody is woken").expect("it follows")
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let reached = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(LIMIT, reached).await.unwrap_or_else(|_| panic!("not so: {what}"));
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.following.iter().for_each(JoinHandle::abort);
    }
}

#[tokio::test]
async fn tasks_that_wait_wake_the_application_until_there_is_enough() {
    let mut ground = Ground::new();
    let (driver, address, _drains) = ground.driver("etl", progress(1, 20, 1)).await;
    ground.runs("etl", &address, 1);
    assert_eq!(ground.is_woken().await, "etl");
    ground.until("all that may be are wanted", |ground| ground.target("etl") == Some(8)).await;
    driver.says(progress(8, 0, 2));
    ground.until("no more than can work are", |ground| ground.target("etl") == Some(2)).await;
}

#[tokio::test]
async fn an_idle_executor_leaves_if_its_driver_agrees() {
    let mut ground = Ground::new();
    let idle = (2..=4).map(|index| Idle { index, idle_seconds: 90, holds_shuffle: index == 4 });
    let says = Progress { idle: idle.collect(), ..progress(4, 0, 1) };
    let (driver, address, mut drains) = ground.driver("etl", says).await;
    driver.stays.lock().expect("lock").insert(3);
    ground.runs("etl", &address, 4);
    let mut asked = BTreeSet::new();
    for _ in 0..2 {
        let drain = timeout(LIMIT, drains.recv()).await.expect("it is asked").expect("a driver");
        assert!(!drain.with_shuffle);
        asked.insert(drain.index);
    }
    assert_eq!(asked, [2, 3].into(), "for the one with files that are needed nobody asks");
    ground.is_woken().await;
    ground.until("its leave is on record", |ground| ground.asker.followed.drained("uid-etl") == [2].into()).await;
    // The other is asked for again, since its driver may agree later.
    for _ in 0..2 {
        assert_eq!(timeout(LIMIT, drains.recv()).await.expect("asked").expect("a driver").index, 3);
    }
    // Once its pod is gone it is forgotten.
    ground.asker.cache.pods().take_in(&Event::Delete(pod("etl", "executor", 2, &address)));
    let says = Progress { idle: Vec::new(), ..progress(3, 0, 3) };
    driver.says(says);
    ground.until("it is forgotten", |ground| ground.asker.followed.drained("uid-etl").is_empty()).await;
}

#[tokio::test]
async fn what_has_ended_or_begins_anew_is_not_followed_any_more() {
    let mut ground = Ground::new();
    let (_driver, address, _drains) = ground.driver("etl", progress(2, 0, 2)).await;
    ground.runs("etl", &address, 2);
    let followed = ground.asker.followed.clone();
    assert_eq!(followed.target(&app("etl", 2, "COMPLETED")), None);
    ground.asker.cache.apps().take_in("", &Event::Apply(app("etl", 2, "COMPLETED")));
    ground.until("it is forgotten", |ground| ground.asker.followed.metrics.applications.get() == 0).await;
    // A second run begins with what was made for it.
    let mut again = app("etl", 3, "SUBMITTED");
    again.status.as_mut().expect("status").attempt = 2;
    assert_eq!(followed.target(&again), Some(3));
    assert_eq!(followed.metrics.applications.get(), 0, "it does not run yet");
}

#[tokio::test]
async fn a_fixed_number_of_executors_is_not_followed() {
    let ground = Ground::new();
    let mut app = app("etl", 2, "RUNNING");
    app.spec.dynamic_allocation = None;
    assert_eq!(ground.asker.followed.target(&app), None);
    assert_eq!(ground.asker.followed.metrics.applications.get(), 0);
}

#[tokio::test]
async fn a_thousand_drivers_are_each_asked() {
    let mut ground = Ground::new();
    let mut drivers = Vec::new();
    for number in 0..1000 {
        let name = format!("etl-{number}");
        let (driver, address, drains) = ground.driver(&name, progress(1, 20, 1)).await;
        ground.runs(&name, &address, 1);
        drivers.push((driver, drains));
    }
    let mut waiting: BTreeSet<String> = (0..1000).map(|number| format!("etl-{number}")).collect();
    while !waiting.is_empty() {
        let name = ground.is_woken().await;
        waiting.remove(&name);
    }
    assert_eq!(ground.asker.followed.metrics.applications.get(), 1000);
}

#[tokio::test]
async fn drivers_that_hang_are_in_nobodys_way() {
    let mut ground = Ground::new();
    // Takes connections and never answers.
    let deaf = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = deaf.local_addr().expect("an address").port();
    for number in 0..200 {
        ground.runs(&format!("deaf-{number}"), &Address { ip: "127.0.0.1".into(), port }, 1);
    }
    let (_driver, address, _drains) = ground.driver("etl", progress(1, 20, 1)).await;
    ground.runs("etl", &address, 1);
    assert_eq!(ground.is_woken().await, "etl");
    drop(deaf);
}

#[tokio::test]
async fn a_driver_says_what_is_wrong_in_words() {
    let control = Control::new(vec![7; 32]);
    let (_driver, address, _drains) = Driver::start(&control, "uid-etl", progress(1, 0, 0)).await;
    assert_eq!(control.progress(&address, "uid-etl").await.expect("progress"), progress(1, 0, 0));
    let refused = control.progress(&address, "uid-other").await.expect_err("another's token");
    assert_eq!(refused.to_string(), "it answered 401 Unauthorized");
    let nobody = Address { ip: "127.0.0.1".into(), port: 1 };
    let unreachable = control.progress(&nobody, "uid-etl").await.expect_err("nobody listens");
    assert!(matches!(&unreachable, ControlError::Unreachable(why) if why.contains("refused")), "{unreachable}");
    let nowhere = Address { ip: "no address".into(), port: 1 };
    assert!(matches!(control.progress(&nowhere, "uid-etl").await, Err(ControlError::NoAddress(_))));
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read() {
    let long = || async { "x".repeat(2 << 20) };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let router = Router::new().route(control::PROGRESS, get(long));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let address = Address { ip: "127.0.0.1".into(), port };
    let error = Control::new(vec![7; 32]).progress(&address, "uid-etl").await.expect_err("too long");
    assert!(matches!(error, ControlError::Broken(_)), "{error}");
}
