//! Fields that say how a driver is reached and kept: Services, Ingresses and the PodDisruptionBudget.

use serde_json::{Value, json};

use super::{Case, case, merge};

/// Their cases.
pub fn cases() -> Vec<Case> {
    let ingress = |more: Value| {
        let mut ingress = json!({"servicePort": 8888, "servicePortName": "nb", "ingressURLFormat": "{{$appName}}.org"});
        merge(&mut ingress, more);
        json!([ingress])
    };
    vec![
        case("sparkUIOptions.servicePort", json!(80), "/ui/etl-ui-svc/spec/ports/0/port", json!(80)),
        case("sparkUIOptions.servicePortName", json!("http"), "/ui/etl-ui-svc/spec/ports/0/name", json!("http")),
        case("sparkUIOptions.serviceType", json!("NodePort"), "/ui/etl-ui-svc/spec/type", json!("NodePort")),
        case(
            "sparkUIOptions.serviceAnnotations",
            json!({"a": "b"}),
            "/ui/etl-ui-svc/metadata/annotations/a",
            json!("b"),
        ),
        case("sparkUIOptions.serviceLabels", json!({"a": "b"}), "/ui/etl-ui-svc/metadata/labels/a", json!("b")),
        case(
            "sparkUIOptions.ingressAnnotations",
            json!({"a": "b"}),
            "/ingresses/etl-ui-ingress/metadata/annotations/a",
            json!("b"),
        ),
        case(
            "sparkUIOptions.ingressTLS",
            json!([{"secretName": "t"}]),
            "/ingresses/etl-ui-ingress/spec/tls/0/secretName",
            json!("t"),
        ),
        case(
            "driverIngressOptions[].servicePort",
            ingress(json!({})),
            "/ui/etl-driver-8888/spec/ports/0/targetPort",
            json!(8888),
        ),
        case(
            "driverIngressOptions[].servicePortName",
            ingress(json!({})),
            "/ui/etl-driver-8888/spec/ports/0/name",
            json!("nb"),
        ),
        case(
            "driverIngressOptions[].serviceType",
            ingress(json!({"serviceType": "LoadBalancer"})),
            "/ui/etl-driver-8888/spec/type",
            json!("LoadBalancer"),
        ),
        case(
            "driverIngressOptions[].serviceAnnotations",
            ingress(json!({"serviceAnnotations": {"a": "b"}})),
            "/ui/etl-driver-8888/metadata/annotations/a",
            json!("b"),
        ),
        case(
            "driverIngressOptions[].serviceLabels",
            ingress(json!({"serviceLabels": {"a": "b"}})),
            "/ui/etl-driver-8888/metadata/labels/a",
            json!("b"),
        ),
        case(
            "driverIngressOptions[].ingressURLFormat",
            ingress(json!({})),
            "/ingresses/etl-ing-8888/spec/rules/0/host",
            json!("etl.org"),
        ),
        case(
            "driverIngressOptions[].ingressAnnotations",
            ingress(json!({"ingressAnnotations": {"a": "b"}})),
            "/ingresses/etl-ing-8888/metadata/annotations/a",
            json!("b"),
        ),
        case(
            "driverIngressOptions[].ingressTLS",
            ingress(json!({"ingressTLS": [{"secretName": "t"}]})),
            "/ingresses/etl-ing-8888/spec/tls/0/secretName",
            json!("t"),
        ),
        case("driverPodDisruptionBudget", json!(true), "/budget/spec/minAvailable", json!(1)),
        case(
            "driverPodDisruptionBudget",
            json!(true),
            "/budget/spec/selector/matchLabels",
            json!({"onager.dev/app-name": "etl", "onager.dev/role": "driver"}),
        ),
    ]
}
