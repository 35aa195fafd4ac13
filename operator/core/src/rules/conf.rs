//! Keys of `sparkConf` and `hadoopConf`. Where a key and a field mean the same, the field decides: a key that says otherwise
//! about who runs what and where is refused, since it would be ignored and its author not know. Keys that are merely not
//! used are named in one warning.

use super::{At, Verdict};

/// What a key would contradict.
enum Rule {
    /// The field that says the same, below the spec; the key may repeat it.
    Field(&'static [&'static str], &'static [&'static str]),
    /// The operator's business; the key may say one thing.
    Only(&'static str, &'static str),
    /// Nobody's.
    Never(&'static str),
}

const CREDENTIALS: &str = "drivers and executors have no credentials for Kubernetes: remove it";
const TEMPLATE: &str =
    "a file of the submitting machine, which there is none of: use spec.driver.template or spec.executor.template";
const MASTER: &str = "the operator decides where pods run: remove it";
const IMAGE: &[&str] = &["image"];

const RULES: [(&str, Rule); 20] = [
    ("spark.master", Rule::Never(MASTER)),
    ("spark.kubernetes.driver.master", Rule::Never(MASTER)),
    ("spark.submit.deployMode", Rule::Only("cluster", "the driver always runs in a pod of its own")),
    (
        "spark.kubernetes.authenticate.driver.serviceAccountName",
        Rule::Field(&["driver", "serviceAccount"], &["driver", "template", "spec", "serviceAccountName"]),
    ),
    (
        "spark.kubernetes.authenticate.executor.serviceAccountName",
        Rule::Field(&["executor", "serviceAccount"], &["executor", "template", "spec", "serviceAccountName"]),
    ),
    (
        "spark.kubernetes.authenticate.serviceAccountName",
        Rule::Field(&["driver", "serviceAccount"], &["driver", "template", "spec", "serviceAccountName"]),
    ),
    ("spark.kubernetes.container.image", Rule::Field(IMAGE, IMAGE)),
    ("spark.kubernetes.driver.container.image", Rule::Field(&["driver", "image"], IMAGE)),
    ("spark.kubernetes.executor.container.image", Rule::Field(&["executor", "image"], IMAGE)),
    ("spark.kubernetes.driver.pod.name", Rule::Field(&["driver", "podName"], &["driver", "podName"])),
    ("spark.kubernetes.driver.podTemplateFile", Rule::Never(TEMPLATE)),
    ("spark.kubernetes.executor.podTemplateFile", Rule::Never(TEMPLATE)),
    ("spark.kubernetes.authenticate.oauthToken", Rule::Never(CREDENTIALS)),
    ("spark.kubernetes.authenticate.oauthTokenFile", Rule::Never(CREDENTIALS)),
    ("spark.kubernetes.authenticate.driver.oauthToken", Rule::Never(CREDENTIALS)),
    ("spark.kubernetes.authenticate.driver.oauthTokenFile", Rule::Never(CREDENTIALS)),
    ("spark.kubernetes.authenticate.driver.mounted.oauthTokenFile", Rule::Never(CREDENTIALS)),
    ("spark.kubernetes.authenticate.executor.oauthToken", Rule::Never(CREDENTIALS)),
    ("spark.kubernetes.authenticate.executor.oauthTokenFile", Rule::Never(CREDENTIALS)),
    ("spark.kubernetes.authenticate.submission.oauthToken", Rule::Never(CREDENTIALS)),
];

/// Keys with a volume's name and options in them.
const VOLUMES: [&str; 2] = ["spark.kubernetes.driver.volumes.", "spark.kubernetes.executor.volumes."];

/// Beginnings of keys that only a Java virtual machine, or Spark's own way to Kubernetes, has a use for.
const UNUSED: [&str; 12] = [
    "spark.kubernetes.",
    "spark.jars",
    "spark.plugins",
    "spark.extraListeners",
    "spark.kerberos.",
    "spark.driver.extraJavaOptions",
    "spark.driver.defaultJavaOptions",
    "spark.driver.extraClassPath",
    "spark.driver.extraLibraryPath",
    "spark.executor.extraJavaOptions",
    "spark.executor.defaultJavaOptions",
    "spark.executor.extraClassPath",
];

/// Those of them that are read all the same; one that ends with a dot has a name after it.
const USED: [&str; 5] = [
    "spark.kubernetes.driverEnv.",
    "spark.kubernetes.memoryOverheadFactor",
    "spark.kubernetes.namespace",
    "spark.kubernetes.node.selector.",
    "spark.kubernetes.scheduler.name",
];
/// The same below `spark.kubernetes.driver.` and `spark.kubernetes.executor.`.
const USED_OF_ROLES: [&str; 9] = [
    "annotation.",
    "label.",
    "limit.cores",
    "node.selector.",
    "request.cores",
    "schedulerName",
    "secretKeyRef.",
    "secrets.",
    "service.",
];

/// Judges the keys of a spec in this namespace; "" where it is not known.
pub fn check(spec: &At<'_>, namespace: &str, verdict: &mut Verdict) {
    let mut unused = Vec::new();
    for (key, at) in spec.entries_of("sparkConf") {
        match RULES.iter().find(|(known, _)| *known == key) {
            Some((_, rule)) => contradiction(spec, &at, rule, verdict),
            None if key == "spark.kubernetes.namespace" && (namespace.is_empty() || at.text() == namespace) => {}
            None if key == "spark.kubernetes.namespace" => {
                let message = "pods run in the application's namespace: create the application in the other one";
                at.fault(verdict, format!("is {:?}, not {namespace:?}; {message}", at.text()));
            }
            None if VOLUMES.iter().any(|prefix| key.starts_with(prefix)) => {
                at.fault(verdict, "mounts a volume, which only fields can: use spec.volumes and volumeMounts of spec.driver or spec.executor");
            }
            None if UNUSED.iter().any(|prefix| key.starts_with(prefix)) && !is_used(key) => unused.push(key),
            None => {}
        }
    }
    if !unused.is_empty() {
        let at = At { path: format!("{}.sparkConf", spec.path), value: spec.value };
        at.warning(
            verdict,
            format!("these keys have no meaning without Spark and are not used: {}", unused.join(", ")),
        );
    }
    for (key, at) in spec.entries_of("hadoopConf") {
        if let Some(plain) = key.strip_prefix("spark.hadoop.") {
            at.warning(verdict, format!("the prefix spark.hadoop. is added to every key here: write {plain}"));
        }
    }
}

fn contradiction(spec: &At<'_>, at: &At<'_>, rule: &Rule, verdict: &mut Verdict) {
    match rule {
        Rule::Never(why) => at.fault(verdict, *why),
        Rule::Only(value, why) => {
            if at.text() != *value {
                at.fault(verdict, format!("must be {value:?} or absent: {why}"));
            }
        }
        Rule::Field(field, otherwise) => {
            let said = spec.dig(field).or_else(|| spec.dig(otherwise));
            if said.as_ref().is_none_or(|said| said.text() != at.text()) {
                let field = format!("{}.{}", spec.path, field.join("."));
                let said = said.map_or("which is not set".to_string(), |said| format!("which says {:?}", said.text()));
                at.fault(
                    verdict,
                    format!("only the field decides, {field}, {said}: write it there and remove the key"),
                );
            }
        }
    }
}

fn is_used(key: &str) -> bool {
    let found = |key: &str, known: &[&str]| {
        known.iter().any(|used| if used.ends_with('.') { key.starts_with(used) } else { key == *used })
    };
    let roles = ["spark.kubernetes.driver.", "spark.kubernetes.executor."];
    found(key, &USED) || roles.iter().any(|role| key.strip_prefix(role).is_some_and(|rest| found(rest, &USED_OF_ROLES)))
}
