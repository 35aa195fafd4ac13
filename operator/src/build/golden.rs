//! The objects of an application, compared with those in `golden/`: what a change does to pods is seen in its diff.
//! `ONAGER_GOLDEN=write cargo test` writes them anew.

use std::{collections::BTreeSet, env, fs, path::PathBuf, time::Duration};

use onager_core::{Settings, Workload};
use onager_crds::SparkApplication;
use serde::Serialize;

use super::{EngineImage, Site, UiSettings, driver_pod, executor_pod, service, ui};

pub fn application(name: &str, spec: serde_json::Value) -> SparkApplication {
    let mut app = SparkApplication::new(name, serde_json::from_value(spec).expect("spec"));
    app.metadata.namespace = Some("team-alpha".into());
    app.metadata.uid = Some("7d0c5f1e-0000-4000-8000-000000000000".into());
    app
}

fn engine() -> EngineImage {
    EngineImage { reference: "onager/engine:1".into(), pull_policy: "IfNotPresent".into() }
}

fn pods(app: &SparkApplication, limit_cpu: bool) -> (impl Serialize, impl Serialize) {
    let workload = Workload::read(&app.spec).expect("workload");
    let settings = Settings { start_limit: Duration::from_secs(300), ..Settings::default() };
    let engine = engine();
    let ui = UiSettings::default();
    let site = Site { engine: &engine, limit_cpu, taken_ports: BTreeSet::new(), ui: &ui };
    let driver = driver_pod(app, &workload, (1, "7f83".into()), &site, &settings);
    (driver, executor_pod(app, &workload, (1, 2), "10.96.0.7", &site))
}

pub fn compare(name: &str, object: &impl Serialize) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    let made = serde_yaml::to_string(object).expect("YAML");
    if env::var_os("ONAGER_GOLDEN").is_some() {
        fs::write(&path, &made).expect("written");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(made == golden, "{} is another object now:\n{made}", path.display());
}

#[test]
fn a_small_application_gets_restricted_pods_of_the_engine() {
    let app = application(
        "pi",
        serde_json::json!({
            "type": "Scala", "mainClass": "org.apache.spark.examples.SparkPi", "arguments": ["20", "$(HOME) costs 5$"],
            "driver": {"memory": "512m", "serviceAccount": "team-alpha-sa"}, "executor": {"instances": 2, "coreRequest": "250m"},
        }),
    );
    let (driver, executor) = pods(&app, false);
    compare("pi-driver.yaml", &driver);
    compare("pi-executor.yaml", &executor);
    compare("pi-service.yaml", &service(&app));
    compare("pi-ui-service.yaml", &ui::ui_services(&app, &UiSettings::default()));
}

#[test]
fn every_field_of_a_pod_is_where_it_belongs_and_the_engine_comes_into_another_image() {
    let pod = serde_json::json!({
        "cores": 2, "coreLimit": "3", "memory": "2g", "memoryOverhead": "256m", "memoryLimit": "3g",
        "env": [{"name": "A", "value": "1"}], "envFrom": [{"secretRef": {"name": "store"}}],
        "envSecretKeyRefs": {"PASSWORD": {"name": "db", "key": "password"}},
        "labels": {"cost": "alpha", "onager.dev/role": "mine"}, "annotations": {"note": "a"}, "serviceAccount": "sa",
        "nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "spot", "operator": "Exists"}],
        "securityContext": {"runAsUser": 1000}, "volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}],
    });
    let app = application(
        "report",
        serde_json::json!({
            "type": "SQL", "mainApplicationFile": "local:///scripts/a.sql", "image": "team/tools:3", "imagePullPolicy": "Always",
            "imagePullSecrets": ["pull"], "sparkConf": {"spark.sql.shuffle.partitions": "4"}, "hadoopConf": {"fs.s3a.endpoint": "http://store"},
            "volumes": [{"name": "scripts", "configMap": {"name": "scripts"}}], "driver": pod, "executor": pod,
        }),
    );
    let (driver, executor) = pods(&app, true);
    compare("report-driver.yaml", &driver);
    compare("report-executor.yaml", &executor);
}
