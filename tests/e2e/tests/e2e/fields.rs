//! Fields of pods on real nodes: what only a kubelet, a scheduler or a container can prove. What each field puts into a pod is
//! a unit test of the builder.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;
use onager_e2e::data::LONG;
use onager_e2e::ground::ENGINE_IMAGE;
use onager_e2e::{App, Run, Team, app, foreign, in_namespace};
use serde_json::{Value, json};

/// A program that runs until it is asked to end.
const PAUSE: &str = "onager-pause:1";

/// Both roles get the same fields.
fn both(fields: Value) -> Value {
    json!({"driver": fields, "executor": fields})
}

/// Everything that needs no right beyond the `restricted` standard, in one application.
#[tokio::test(flavor = "multi_thread")]
async fn a_maximal_application() -> Result<()> {
    in_namespace(async |team: Team| {
        let rows = "a,b\n1,2\n3,4\n";
        let site = |pairs: &[(&str, &str)]| {
            let property = |(name, value): &(&str, &str)| {
                format!("<property><name>{name}</name><value>{value}</value></property>")
            };
            format!("<configuration>{}</configuration>", pairs.iter().map(property).collect::<String>())
        };
        let store = site(&[("fs.s3a.endpoint", "http://minio.minio.svc:9000"), ("fs.s3a.path.style.access", "true")]);
        let map = |name: &str, data: Value| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": team.name}, "data": data})
        };
        team.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [
            map("rows", json!({"rows.csv": rows})),
            map("hadoop", json!({"core-site.xml": store})),
            map("spark", json!({"spark-defaults.conf": "spark.sql.shuffle.partitions 3\n"})),
            map("more", json!({"FROM_MAP": "1"})),
        ]}))
        .await?;
        // Files from a Secret and a ConfigMap are read by executors, the store is known from a file alone.
        let sql = "CREATE EXTERNAL TABLE rows (a BIGINT, b BIGINT) STORED AS CSV LOCATION 'local:///data/rows.csv'\n\
                   OPTIONS ('format.has_header' 'true');\n\
                   CREATE EXTERNAL TABLE nation STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/nation/';\n\
                   SELECT sum(a * 10 + b) AS total, (SELECT count(*) FROM nation) AS nations FROM rows;";
        let container = |name: &str, image: &str| {
            json!({"name": name, "image": image, "imagePullPolicy": "Never", "resources": {
                "requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "256Mi"}}})
        };
        let mut prepare = container("prepare", ENGINE_IMAGE);
        prepare["command"] = json!(["/onager-engine", "install", "/tools/engine"]);
        prepare["volumeMounts"] = json!([{"name": "tools", "mountPath": "/tools"}]);
        let fields = json!({
            "image": PAUSE,
            "configMaps": [{"name": "rows", "path": "/data"}],
            "secrets": [{"name": "object-store", "path": "/keys", "secretType": "Generic"}],
            "env": [{"name": "A", "value": "1"}], "envVars": {"B": "2"},
            "envFrom": [{"secretRef": {"name": "object-store"}}, {"configMapRef": {"name": "more"}}],
            "envSecretKeyRefs": {"KEY_ID": {"name": "object-store", "key": "AWS_ACCESS_KEY_ID"}},
            "labels": {"cost": "alpha"}, "annotations": {"note": "maximal"},
            "securityContext": {"runAsUser": 1001}, "podSecurityContext": {"fsGroup": 1002},
            "tolerations": [{"key": "nothing", "operator": "Exists"}],
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-2"]}]},
            ]}}},
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "volumeMounts": [{"name": "spark-local-dir-1", "mountPath": "/scratch"}],
            "initContainers": [prepare], "sidecars": [container("beside", PAUSE)],
            "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
            "hostAliases": [{"ip": "127.0.0.1", "hostnames": ["somewhere"]}],
            "terminationGracePeriodSeconds": 7, "shareProcessNamespace": true,
            "ports": [{"name": "extra", "protocol": "TCP", "containerPort": 12345}],
            "memoryLimit": "1g", "memoryOverhead": "128m", "coreLimit": "1", "cores": 1,
            "template": {
                "metadata": {"labels": {"from": "template"}},
                "spec": {
                    "containers": [{"name": "spark-kubernetes-driver", "resources": {"limits": {"ephemeral-storage": "1Gi"}, "requests": {"cpu": 9}}}],
                },
            },
        });
        let change = json!({
            "sparkConf": null, "sparkVersion": "4.0.4", "imagePullPolicy": "Never", "memoryOverheadFactor": "0.2",
            "sparkConfigMap": "spark", "hadoopConfigMap": "hadoop",
            "monitoring": {"exposeDriverMetrics": true, "exposeExecutorMetrics": true},
        });
        let volumes = json!([
            {"name": "spark-local-dir-1", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
            {"name": "script", "configMap": {"name": "maximal-script"}},
            {"name": "tools", "emptyDir": {}},
        ]);
        let mut spec = app("maximal").sql(sql).with(change).with(both(fields));
        spec = spec.with(json!({"volumes": volumes, "driver": {"volumeMounts": [
            {"name": "spark-local-dir-1", "mountPath": "/scratch"}, {"name": "script", "mountPath": "/scripts"},
        ]}}));
        let run = team.start(spec).await?;
        let preview = run.completes().await?.preview.context("rows")?;
        ensure!(preview.rows == [["46", "25"]], "{preview:?}");
        run.comes_to_rest().await?;
        let driver = run.driver().await?;
        ensure!(driver.labels().get("from").is_some_and(|value| value == "template"), "{:?}", driver.labels());
        let node = driver.spec.as_ref().and_then(|spec| spec.node_name.clone());
        ensure!(node.as_deref() == Some("node-2"), "the required affinity names node-2, not {node:?}");
        let phase = driver.status.as_ref().and_then(|status| status.phase.clone());
        ensure!(phase.as_deref() == Some("Succeeded"), "a sidecar ends with the driver, and the pod is {phase:?}");
        let prepared = status_of(&driver, "prepare").and_then(|status| status.state?.terminated);
        ensure!(prepared.is_some_and(|ended| ended.exit_code == 0), "the init container ran");
        team.history.check("maximal").await
    })
    .await
}

fn status_of(pod: &Pod, name: &str) -> Option<ContainerStatus> {
    let statuses = pod.status.as_ref()?.init_container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == name).cloned()
}

/// Two drivers and their executors on one node's network: none is in another's way.
#[tokio::test(flavor = "multi_thread")]
async fn two_applications_on_the_network_of_one_node() -> Result<()> {
    in_namespace(async |team: Team| {
        allow_everything(&team).await?;
        let hosted = json!({"hostNetwork": true, "nodeSelector": {"kubernetes.io/hostname": "node-3"}});
        let first = team.start(app("first").sql(LONG).with(both(hosted.clone()))).await?;
        first.computes(1).await?;
        let second = team.start(app("second").pi(2).with(both(hosted))).await?;
        second.completes().await?;
        let ip = |pod: &Pod| pod.status.as_ref().and_then(|status| status.host_ip.clone());
        let drivers = [first.driver().await?, second.driver().await?];
        let own = drivers[0].status.as_ref().and_then(|status| status.pod_ip.clone());
        ensure!(
            own.is_some() && own == ip(&drivers[0]) && own == ip(&drivers[1]),
            "both use the node's address {own:?}"
        );
        // The control channel is reached where the first driver says, not where the second did.
        first.computes(1).await?;
        first.delete().await
    })
    .await
}

/// Nothing need be in an image: no shell, no `USER`, or one that Kubernetes cannot know the number of.
#[tokio::test(flavor = "multi_thread")]
async fn images_without_a_user_or_with_one_by_name() -> Result<()> {
    in_namespace(async |team: Team| {
        for (name, lines) in [
            ("plain", ""),
            ("named", "USER spark"),
            ("numbered", "WORKDIR /opt/spark/work-dir\nUSER 185:185\nENTRYPOINT [\"/opt/entrypoint.sh\"]"),
            ("root", "USER root"),
        ] {
            let image = format!("onager-e2e/{name}:1");
            foreign::image(&team.cluster, &image, lines).await?;
            answers(&team, app(name), &image).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_runs_as_root_and_a_file_system_that_is_read_only() -> Result<()> {
    in_namespace(async |team: Team| {
        allow_everything(&team).await?;
        let image = "onager-e2e/as-root:1";
        foreign::image(&team.cluster, image, "USER 0").await?;
        let root = both(json!({"securityContext": {"runAsUser": 0}}));
        answers(&team, app("root").with(root), image).await?;
        let of_the_image = both(json!({"podSecurityContext": {"runAsNonRoot": false}}));
        answers(&team, app("of-the-image").with(of_the_image), image).await?;
        let read_only = both(json!({"securityContext": {"readOnlyRootFilesystem": true}}));
        answers(&team, app("read-only").with(read_only), image).await.map(drop)
    })
    .await
}

async fn answers(team: &Team, app: App, image: &str) -> Result<Run> {
    let run =
        team.start(app.sql("SELECT 42 AS answer").with(json!({"image": image, "imagePullPolicy": "Never"}))).await?;
    let preview = run.completes().await?.preview.context("rows")?;
    ensure!(preview.rows == [["42"]], "{image}: {preview:?}");
    Ok(run)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drivers_pod_of_another_name() -> Result<()> {
    in_namespace(async |team: Team| {
        let run = team.start(app("etl").with(json!({"driver": {"podName": "my-driver"}}))).await?;
        run.completes().await?;
        let names: Vec<String> = run.pods().await?.iter().map(ResourceExt::name_any).collect();
        ensure!(names.contains(&"my-driver".to_string()), "the driver has the name it was given: {names:?}");
        let change = app("etl").with(json!({"driver": {"podName": "another"}}));
        let said = match team.start(change).await {
            Ok(_) => "nothing".to_string(),
            Err(error) => format!("{error:#}"),
        };
        ensure!(said.contains("spec.driver.podName cannot be changed"), "{said}");
        Ok(())
    })
    .await
}

/// A namespace that allows host networks and root.
async fn allow_everything(team: &Team) -> Result<()> {
    let label = "pod-security.kubernetes.io/enforce=privileged";
    team.kubectl(&["label", "namespace", &team.name, label, "--overwrite"]).await.map(drop)
}
