//! A namespace for one test, as a team would have it: quota, service account and keys to the object store. It goes when the
//! test ends; before that, a test that failed says what was there.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, process, thread};

use anyhow::{Error, Result, anyhow};
use futures::FutureExt;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client, Resource};
use onager_cluster::Cluster;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::history::History;
use crate::{App, Run, command, ground, until};

/// Tests at once; more only wait for each other on a small machine.
const AT_ONCE: u32 = 4;

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE as usize);
static NUMBER: AtomicU32 = AtomicU32::new(1);

/// So many letters of each part of an error are told first: some hold whole logs.
const BEGIN: usize = 300;

/// The service account of a team.
pub const ACCOUNT: &str = "team";
/// The Secret with the keys of the object store.
pub const STORE: &str = "object-store";

/// A namespace and all that a test needs in it.
#[derive(Clone)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// The cluster.
    pub cluster: Cluster,
    /// A client that may do everything.
    pub client: Client,
    /// Every pod there ever was.
    pub history: History,
}

/// Runs a test in a namespace that the installed operator serves.
///
/// # Errors
/// What the test found, or that the ground gave way.
pub async fn in_namespace(test: impl AsyncFnOnce(Team) -> Result<()>) -> Result<()> {
    run(1, true, test).await
}

/// Runs a test in a namespace that no operator serves, unless the test starts one.
///
/// # Errors
/// As above.
pub async fn in_quiet_namespace(test: impl AsyncFnOnce(Team) -> Result<()>) -> Result<()> {
    run(1, false, test).await
}

/// Runs a test that disturbs the whole cluster, while no other runs.
///
/// # Errors
/// As above.
pub async fn alone(test: impl AsyncFnOnce(Team) -> Result<()>) -> Result<()> {
    run(AT_ONCE, true, test).await
}

/// The same in a namespace that no operator serves, unless the test starts one.
///
/// # Errors
/// As above.
pub async fn alone_and_quiet(test: impl AsyncFnOnce(Team) -> Result<()>) -> Result<()> {
    run(AT_ONCE, false, test).await
}

/// Does something in a namespace that is there already, while nobody disturbs the cluster.
///
/// # Errors
/// What the test found.
pub async fn undisturbed<T>(test: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
    let _place = PLACES.acquire().await?;
    test().await
}

async fn run(places: u32, served: bool, test: impl AsyncFnOnce(Team) -> Result<()>) -> Result<()> {
    let cluster = ground::cluster()?;
    let _places = PLACES.acquire_many(places).await?;
    let client = ground::client(&cluster).await?;
    let team = Team::make(cluster, client, served).await?;
    let result = AssertUnwindSafe(test(team.clone())).catch_unwind().await;
    if !matches!(result, Ok(Ok(()))) {
        match &result {
            Ok(Err(error)) => team.tell(error).await,
            // A panic has told of itself.
            _ => team.tell_what_is_there().await,
        }
        if env::var("ONAGER_KEEP").is_ok_and(|keep| !keep.is_empty()) {
            eprintln!("namespace {} is kept", team.name);
            return result.unwrap_or_else(|_| Err(anyhow!("the test panicked")));
        }
    }
    let gone = Api::<Namespace>::all(team.client.clone()).delete(&team.name, &DeleteParams::background()).await;
    if let Err(error) = gone {
        eprintln!("namespace {} cannot be deleted: {error}", team.name);
    }
    match result {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

impl Team {
    async fn make(cluster: Cluster, client: Client, served: bool) -> Result<Self> {
        let name = format!("{}-{}-{}", name_of_the_test(), process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let history = History::follow(client.clone(), &name);
        let team = Self { name, cluster, client, history };
        team.apply(&json!({"apiVersion": "v1", "kind": "List", "items": team.objects(served)})).await?;
        Ok(team)
    }

    /// A namespace that is there already.
    pub fn existing(cluster: Cluster, client: Client, name: &str) -> Self {
        let history = History::follow(client.clone(), name);
        Self { name: name.into(), cluster, client, history }
    }

    fn objects(&self, served: bool) -> [Value; 4] {
        let mut namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": self.name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        });
        if served {
            namespace["metadata"]["labels"]["onager.dev/team"] = "e2e".into();
        }
        let quota = json!({"requests.cpu": "4", "requests.memory": "8Gi", "limits.memory": "16Gi", "pods": "10"});
        [
            namespace,
            json!({
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": ACCOUNT, "namespace": self.name},
                "automountServiceAccountToken": false,
            }),
            json!({
                "apiVersion": "v1", "kind": "ResourceQuota",
                "metadata": {"name": "team", "namespace": self.name}, "spec": {"hard": quota},
            }),
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": STORE, "namespace": self.name},
                "stringData": {"AWS_ACCESS_KEY_ID": "onager", "AWS_SECRET_ACCESS_KEY": "onager-secret"},
            }),
        ]
    }

    /// Objects of this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// `kubectl -n <namespace> ...`
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let mut kubectl = self.cluster.kubectl();
        kubectl.args(["--namespace", &self.name]).args(arguments);
        command::output(kubectl).await
    }

    /// `kubectl apply` of a manifest.
    ///
    /// # Errors
    /// When it is refused, with what kubectl said.
    pub async fn apply(&self, manifest: &Value) -> Result<String> {
        let mut kubectl = self.cluster.kubectl();
        kubectl.args(["apply", "--filename", "-"]);
        command::output_with_input(kubectl, &manifest.to_string()).await
    }

    /// The same as somebody else.
    ///
    /// # Errors
    /// When it is refused, with what kubectl said.
    pub async fn apply_as(&self, user: &str, manifest: &Value) -> Result<String> {
        let mut kubectl = self.cluster.kubectl();
        kubectl.args(["apply", "--as", user, "--filename", "-"]);
        command::output_with_input(kubectl, &manifest.to_string()).await
    }

    /// Lets a user do here what these rules of a Role say.
    ///
    /// # Errors
    /// When they are no rules.
    pub async fn allow(&self, user: &str, rules: Value) -> Result<()> {
        let metadata = json!({"name": user, "namespace": self.name});
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules,
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        });
        self.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]})).await.map(drop)
    }

    /// Starts an application as a user would, and answers a handle to it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn start(&self, app: App) -> Result<Run> {
        self.apply(&app.manifest(&self.name)).await?;
        Ok(self.run(app.name()))
    }

    /// Waits until the webhook answers: a ready operator is a moment ahead of kube-proxy.
    ///
    /// # Errors
    /// When it does not.
    pub async fn is_answered(&self) -> Result<()> {
        let manifest = crate::app("is-somebody-there").manifest(&self.name);
        let object: onager_crds::SparkApplication = serde_json::from_value(manifest["items"][0].clone())?;
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        until("the webhook answers", async || Ok(self.api().create(&dry, &object).await.map(|_| Some(()))?)).await
    }

    /// The application of that name.
    pub fn run(&self, name: &str) -> Run {
        Run::of(self.clone(), name)
    }

    /// Says what went wrong, and then what is there: of a long output often only the beginning is seen.
    pub async fn tell(&self, error: &Error) {
        let begin = |text: String| text.replace('\n', " ").chars().take(BEGIN).collect::<String>();
        eprintln!("{}", error.chain().map(|cause| begin(cause.to_string())).collect::<Vec<_>>().join(": "));
        self.tell_what_is_there().await;
    }

    async fn tell_what_is_there(&self) {
        let looks: [&[&str]; 4] = [
            &["get", "scheduledsparkapp,sparkapp,pods,services", "--output", "wide"],
            &["describe", "sparkapp"],
            &["get", "events", "--sort-by", ".metadata.creationTimestamp"],
            &["logs", "--selector", "onager.dev/app-name", "--tail", "30", "--prefix"],
        ];
        for look in looks {
            let said = self.kubectl(look).await.unwrap_or_else(|error| format!("{error:#}"));
            eprintln!("--- {}: kubectl {}\n{said}", self.name, look.join(" "));
        }
        let mut kubectl = self.cluster.kubectl();
        kubectl.args(["--namespace", ground::OPERATOR_NAMESPACE, "logs", "deployment/onager", "--tail", "400"]);
        let log = command::output(kubectl).await.unwrap_or_else(|error| format!("{error:#}"));
        eprintln!("--- the operator on {}", self.name);
        log.lines().filter(|line| line.contains(&self.name)).for_each(|line| eprintln!("{line}"));
    }
}

/// libtest names each test's thread after it.
fn name_of_the_test() -> String {
    let thread = thread::current();
    let name = thread.name().unwrap_or("test").rsplit("::").next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(plain).take(40).collect();
    name.trim_matches('-').to_string()
}
