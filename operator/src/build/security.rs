//! Security contexts where an application says nothing: pods meet the `restricted` Pod Security Standard. What it does say
//! stays, and what would contradict it is left out: who asks for root is not told to be nobody.

use k8s_openapi::api::core::v1::{
    Capabilities, Container, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext,
};

/// The user that pods run as where the application does not say, `nonroot` of common base images.
const USER: i64 = 65532;

/// Fills in the pod's context and those of its containers.
pub fn harden(spec: &mut PodSpec) {
    let pod = spec.security_context.get_or_insert_default();
    pod_defaults(pod);
    let by_pod = pod.run_as_user;
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        container_defaults(container, by_pod);
    }
}

fn pod_defaults(pod: &mut PodSecurityContext) {
    let root = pod.run_as_user == Some(0);
    // Who allows root without naming a user wants that of the image.
    let image_decides = pod.run_as_user.is_none() && pod.run_as_non_root == Some(false);
    pod.run_as_non_root = pod.run_as_non_root.or((!root).then_some(true));
    pod.run_as_user = pod.run_as_user.or((!image_decides).then_some(USER));
    pod.fs_group = pod.fs_group.or(Some(USER));
    pod.seccomp_profile = pod.seccomp_profile.take().or_else(|| Some(runtime_default()));
}

fn container_defaults(container: &mut Container, by_pod: Option<i64>) {
    let context = container.security_context.get_or_insert_default();
    let privileged = context.privileged == Some(true);
    let root = context.run_as_user.or(by_pod) == Some(0);
    if context.run_as_user == Some(0) {
        // The pod's own default must not contradict it.
        context.run_as_non_root = context.run_as_non_root.or(Some(false));
    }
    if !privileged {
        context.allow_privilege_escalation = context.allow_privilege_escalation.or(Some(false));
    }
    if !privileged && !root {
        let capabilities = context.capabilities.get_or_insert_default();
        capabilities.drop = capabilities.drop.take().or_else(|| Some(vec!["ALL".into()]));
    }
}

/// The context of a container of the engine's own image.
pub fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), add: None }),
        read_only_root_filesystem: Some(true),
        ..SecurityContext::default()
    }
}

fn runtime_default() -> SeccompProfile {
    SeccompProfile { type_: "RuntimeDefault".into(), localhost_profile: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hardened(spec: serde_json::Value) -> PodSpec {
        let mut spec = serde_json::from_value(spec).expect("pod");
        harden(&mut spec);
        spec
    }

    #[test]
    fn a_pod_that_says_nothing_is_restricted() {
        let spec = hardened(serde_json::json!({"containers": [{"name": "a"}], "initContainers": [{"name": "b"}]}));
        let pod = spec.security_context.expect("context");
        assert_eq!((pod.run_as_non_root, pod.run_as_user), (Some(true), Some(USER)));
        assert_eq!(pod.seccomp_profile.expect("profile").type_, "RuntimeDefault");
        for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
            let context = container.security_context.clone().expect("context");
            assert_eq!(context.allow_privilege_escalation, Some(false));
            assert_eq!(context.capabilities.expect("capabilities").drop, Some(vec!["ALL".to_string()]));
        }
    }

    #[test]
    fn who_asks_for_root_gets_it_without_a_contradiction() {
        let spec = hardened(serde_json::json!({
            "containers": [{"name": "a"}],
            "initContainers": [{"name": "chown", "securityContext": {"runAsUser": 0}}],
        }));
        let init = spec.init_containers.expect("init").remove(0).security_context.expect("context");
        assert_eq!((init.run_as_non_root, init.capabilities), (Some(false), None));
        let spec = hardened(serde_json::json!({"containers": [{"name": "a"}], "securityContext": {"runAsUser": 0}}));
        assert_eq!(spec.security_context.expect("context").run_as_non_root, None);
        let image = serde_json::json!({"containers": [], "securityContext": {"runAsNonRoot": false}});
        assert_eq!(hardened(image).security_context.expect("context").run_as_user, None);
    }
}
