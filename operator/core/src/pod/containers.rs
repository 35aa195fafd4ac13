//! The main container and those beside it. A field that names something the template has too takes its place; lists that
//! name nothing come after the template's. Sidecars become init containers that stay: they start first, and end when the
//! main container has ended, which those of a plain pod do not.

use k8s_openapi::{
    DeepMerge,
    api::core::v1::{Container, ContainerPort, EnvVar, EnvVarSource, SecretKeySelector},
};
use onager_crds::{PodFields, Raw, SecretType, SparkApplicationSpec};

use super::{Kind, Outline};
use crate::workload::{Refusal, invalid};

pub(super) fn main(outline: &mut Outline, spec: &SparkApplicationSpec, fields: &PodFields) {
    let main = &mut outline.main;
    if let Some(image) = fields.image.as_ref().or(spec.image.as_ref()) {
        main.image = Some(image.clone());
    }
    if spec.image_pull_policy.is_some() {
        main.image_pull_policy = spec.image_pull_policy.clone();
    }
    for variable in variables(fields) {
        set(main.env.get_or_insert_default(), variable);
    }
    main.env_from.get_or_insert_default().extend(fields.env_from.clone());
    for port in &fields.ports {
        let port = ContainerPort {
            name: Some(port.name.clone()),
            container_port: port.container_port,
            protocol: Some(port.protocol.as_str().into()),
            ..ContainerPort::default()
        };
        let ports = main.ports.get_or_insert_default();
        ports.retain(|there| there.name != port.name);
        ports.push(port);
    }
    if fields.lifecycle.is_some() {
        main.lifecycle = fields.lifecycle.clone();
    }
    main.security_context.merge_from(fields.security_context.clone());
}

/// Puts a variable last; one of its name that was there before goes.
pub(super) fn set(variables: &mut Vec<EnvVar>, variable: EnvVar) {
    variables.retain(|there| there.name != variable.name);
    variables.push(variable);
}

/// Variables of the fields, in the order of Kubeflow's operator: of two with one name the last holds.
fn variables(fields: &PodFields) -> Vec<EnvVar> {
    let plain = |name: &str, value: &str| EnvVar { name: name.into(), value: Some(value.into()), value_from: None };
    let files = fields.secrets.iter().filter_map(|secret| {
        let (name, file) = match secret.secret_type {
            SecretType::Generic => return None,
            SecretType::GCPServiceAccount => ("GOOGLE_APPLICATION_CREDENTIALS", "key.json"),
            SecretType::HadoopDelegationToken => ("HADOOP_TOKEN_FILE_LOCATION", "hadoop.token"),
        };
        Some(plain(name, &format!("{}/{file}", secret.path.trim_end_matches('/'))))
    });
    let keys = fields.env_secret_key_refs.iter().map(|(name, reference)| {
        let selector = SecretKeySelector { name: reference.name.clone(), key: reference.key.clone(), optional: None };
        let source = EnvVarSource { secret_key_ref: Some(selector), ..EnvVarSource::default() };
        EnvVar { name: name.clone(), value: None, value_from: Some(source) }
    });
    let vars = fields.env_vars.iter().map(|(name, value)| plain(name, value));
    files.chain(vars).chain(keys).chain(fields.env.clone()).collect()
}

pub(super) fn others(outline: &mut Outline, fields: &PodFields, kind: Kind) -> Result<(), Refusal> {
    let inits = read(&fields.init_containers, kind, "initContainers")?;
    let sidecars = read(&fields.sidecars, kind, "sidecars")?;
    let pod = &mut outline.spec;
    let list = pod.init_containers.get_or_insert_default();
    for container in inits {
        place(list, container);
    }
    for mut container in sidecars {
        pod.containers.retain(|there| there.name != container.name);
        container.restart_policy = Some("Always".into());
        container.restart_policy_rules = None;
        place(list, container);
    }
    Ok(())
}

fn place(list: &mut Vec<Container>, container: Container) {
    list.retain(|there| there.name != container.name);
    list.push(container);
}

fn read(raw: &[Raw<Container>], kind: Kind, field: &str) -> Result<Vec<Container>, Refusal> {
    let read = |(at, raw): (usize, &Raw<Container>)| {
        raw.read().map_err(|error| invalid(format!("spec.{}.{field}[{at}]: {error}", kind.name())))
    };
    raw.iter().enumerate().map(read).collect()
}
