//! Reads a pod template: takes its main container out, found by the names that Spark and its users give it, and leaves out
//! what a template cannot decide. What of a template is refused is the rules' business; what cannot be read is refused here.

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use onager_crds::Raw;

use super::{Kind, Outline};
use crate::workload::{Refusal, invalid};

/// What a template says, or an empty pod.
pub(super) fn read(template: Option<&Raw<PodTemplateSpec>>, kind: Kind) -> Result<Outline, Refusal> {
    let template = template.map(Raw::read).transpose();
    let template = template.map_err(|error| invalid(format!("spec.{}.template: {error}", kind.name())))?;
    let PodTemplateSpec { metadata, spec } = template.unwrap_or_default();
    let metadata = metadata.unwrap_or_default();
    let mut spec = spec.unwrap_or_default();
    let main = take_main(&mut spec, kind);
    // An older name of the same field.
    let account = spec.service_account.take();
    spec.service_account_name = spec.service_account_name.or(account);
    spec.restart_policy = None;
    spec.ephemeral_containers = None;
    Ok(Outline {
        labels: metadata.labels.unwrap_or_default(),
        annotations: metadata.annotations.unwrap_or_default(),
        main,
        spec,
    })
}

fn take_main(spec: &mut PodSpec, kind: Kind) -> Container {
    let names = [kind.container(), kind.name()];
    let named = names.iter().find_map(|name| spec.containers.iter().position(|container| container.name == *name));
    let mut main = match named.or((!spec.containers.is_empty()).then_some(0)) {
        Some(at) => spec.containers.remove(at),
        None => Container::default(),
    };
    main.name = kind.container().into();
    main.command = None;
    main.args = None;
    main.restart_policy = None;
    main.restart_policy_rules = None;
    main.termination_message_path = None;
    main.termination_message_policy = None;
    main
}
