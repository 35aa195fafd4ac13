//! Fields that driver and executor share.

use serde_json::json;

use super::{Case, VOLUMES, case};

/// Their cases, `MAIN` standing for the main container, `POD` for the pod's spec and `META` for its metadata.
pub fn cases() -> Vec<Case> {
    let secret = |kind: &str| json!([{"name": "keys", "path": "/keys", "secretType": kind}]);
    vec![
        case("cores", json!(3), "MAIN/resources/requests/cpu", json!("3000m")),
        case("coreRequest", json!("250m"), "MAIN/resources/requests/cpu", json!("250m")),
        case("coreLimit", json!("2"), "MAIN/resources/limits/cpu", json!("2000m")),
        case(
            "memory",
            json!("8g"),
            "MAIN/resources/requests/memory",
            json!(((8_u64 << 30) as f64 * 1.1) as u64).to_string().into(),
        ),
        case("memoryOverhead", json!("1g"), "MAIN/resources/requests/memory", json!((2_u64 << 30).to_string())),
        case("memoryLimit", json!("16g"), "MAIN/resources/limits/memory", json!((16_u64 << 30).to_string())),
        case(
            "gpu",
            json!({"name": "nvidia.com/gpu", "quantity": 2}),
            "MAIN/resources/limits/nvidia.com~1gpu",
            json!("2"),
        ),
        case("image", json!("team/own:1"), "MAIN/image", json!("team/own:1")),
        case(
            "configMaps",
            json!([{"name": "conf", "path": "/conf"}]),
            "POD/volumes/conf-vol/configMap/name",
            json!("conf"),
        ),
        case(
            "configMaps",
            json!([{"name": "conf", "path": "/conf"}]),
            "MAIN/volumeMounts/~1conf/name",
            json!("conf-vol"),
        ),
        case("secrets", secret("Generic"), "POD/volumes/keys-volume/secret/secretName", json!("keys")),
        case("secrets", secret("Generic"), "MAIN/volumeMounts/~1keys/readOnly", json!(true)),
        case(
            "secrets",
            secret("GCPServiceAccount"),
            "MAIN/env/GOOGLE_APPLICATION_CREDENTIALS/value",
            json!("/keys/key.json"),
        ),
        case(
            "secrets",
            secret("HadoopDelegationToken"),
            "MAIN/env/HADOOP_TOKEN_FILE_LOCATION/value",
            json!("/keys/hadoop.token"),
        ),
        case("env", json!([{"name": "A", "value": "1"}]), "MAIN/env/A/value", json!("1")),
        case("envVars", json!({"A": "1"}), "MAIN/env/A/value", json!("1")),
        case("envFrom", json!([{"secretRef": {"name": "s"}}]), "MAIN/envFrom/0/secretRef/name", json!("s")),
        case(
            "envSecretKeyRefs",
            json!({"P": {"name": "db", "key": "p"}}),
            "MAIN/env/P/valueFrom/secretKeyRef/key",
            json!("p"),
        ),
        case("labels", json!({"cost": "a"}), "META/labels/cost", json!("a")),
        case("annotations", json!({"note": "a"}), "META/annotations/note", json!("a")),
        case("serviceAccount", json!("sa"), "POD/serviceAccountName", json!("sa")),
        case("nodeSelector", json!({"disk": "ssd"}), "POD/nodeSelector/disk", json!("ssd")),
        case("tolerations", json!([{"key": "spot", "operator": "Exists"}]), "POD/tolerations/0/key", json!("spot")),
        case("securityContext", json!({"runAsUser": 185}), "MAIN/securityContext/runAsUser", json!(185)),
        case("podSecurityContext", json!({"fsGroup": 7}), "POD/securityContext/fsGroup", json!(7)),
        case(
            "volumeMounts",
            json!([{"name": VOLUMES, "mountPath": "/s"}]),
            "MAIN/volumeMounts/~1s/name",
            json!(VOLUMES),
        ),
        case("volumeMounts", json!([{"name": VOLUMES, "mountPath": "/s"}]), "POD/volumes/scratch/emptyDir", json!({})),
        case("affinity", json!({"nodeAffinity": {}}), "POD/affinity", json!({"nodeAffinity": {}})),
        case("schedulerName", json!("mine"), "POD/schedulerName", json!("mine")),
        case("priorityClassName", json!("high"), "POD/priorityClassName", json!("high")),
        case(
            "sidecars",
            json!([{"name": "log", "image": "i"}]),
            "POD/initContainers/log/restartPolicy",
            json!("Always"),
        ),
        case(
            "initContainers",
            json!([{"name": "prepare", "image": "i"}]),
            "POD/initContainers/prepare/image",
            json!("i"),
        ),
        case("hostNetwork", json!(true), "POD/hostNetwork", json!(true)),
        case("hostNetwork", json!(true), "POD/dnsPolicy", json!("ClusterFirstWithHostNet")),
        case("dnsConfig", json!({"searches": ["a"]}), "POD/dnsConfig/searches/0", json!("a")),
        case("hostAliases", json!([{"ip": "10.0.0.1", "hostnames": ["a"]}]), "POD/hostAliases/0/ip", json!("10.0.0.1")),
        case("terminationGracePeriodSeconds", json!(77), "POD/terminationGracePeriodSeconds", json!(77)),
        case("shareProcessNamespace", json!(true), "POD/shareProcessNamespace", json!(true)),
        case(
            "lifecycle",
            json!({"preStop": {"sleep": {"seconds": 1}}}),
            "MAIN/lifecycle/preStop/sleep/seconds",
            json!(1),
        ),
        case(
            "ports",
            json!([{"name": "debug", "protocol": "UDP", "containerPort": 99}]),
            "MAIN/ports/debug/protocol",
            json!("UDP"),
        ),
        case("template", json!({"spec": {"runtimeClassName": "gvisor"}}), "POD/runtimeClassName", json!("gvisor")),
    ]
}
