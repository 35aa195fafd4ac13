//! The commands of etcd, the API server, the controller manager and the scheduler, and the certificates they need. The
//! settings are for tests: a lost node is noticed within ten seconds, unless more patience is asked for, and etcd does not wait for the disk.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::Result;

use crate::address::{API_PORT, API_SERVICE, CONTROL_PLANE, SERVICE_RANGE, Uplink};
use crate::cgroup::Hierarchies;
use crate::component::Component;
use crate::kubeconfig;
use crate::layout::{Layout, netns_file};
use crate::pki::Authority;
use crate::process::Launch;
use crate::tools::Tools;

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const FRONT_PROXY: &str = "front-proxy-client";

/// Writes certificates and kubeconfigs for the control plane and for the host.
pub fn write_credentials(layout: &Layout, authority: &Authority, uplink: Uplink) -> Result<()> {
    let hosts = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];
    let ips = [CONTROL_PLANE, API_SERVICE, uplink.control_plane(), Ipv4Addr::LOCALHOST].map(IpAddr::from);
    authority.issue("apiserver", "kube-apiserver", None, &hosts, &ips)?;
    authority.issue("apiserver-kubelet", "kube-apiserver-kubelet-client", Some("system:masters"), &[], &[])?;
    authority.issue("front-proxy", FRONT_PROXY, None, &[], &[])?;
    authority.token_keys()?;
    let local = format!("https://127.0.0.1:{API_PORT}");
    for component in ["kube-controller-manager", "kube-scheduler"] {
        let user = authority.issue(component, &format!("system:{component}"), None, &[], &[])?;
        let path = layout.pki().join(format!("{component}.kubeconfig"));
        kubeconfig::write(&path, layout.name(), &local, &authority.certificate(), &user)?;
    }
    let admin = authority.issue("admin", "admin", Some("system:masters"), &[], &[])?;
    kubeconfig::write(&layout.kubeconfig(), layout.name(), &uplink.api_server(), &authority.certificate(), &admin)
}

/// How a component of the control plane is started; `patience` is how many seconds a node may be silent.
pub fn launch(
    layout: &Layout,
    tools: &Tools,
    cgroups: &Hierarchies,
    component: Component,
    patience: u32,
) -> Result<Launch> {
    let (program, arguments) = match component {
        Component::Etcd => (tools.etcd(), etcd(&layout.etcd())),
        Component::ApiServer => (tools.kubernetes(component.program()), api_server(&layout.pki())),
        Component::ControllerManager => (tools.kubernetes(component.program()), controller_manager(layout, patience)),
        Component::Scheduler => (tools.kubernetes(component.program()), scheduler(layout)),
        other => anyhow::bail!("{other} is not of the control plane"),
    };
    let mut command = vec![program.display().to_string()];
    command.extend(arguments);
    Ok(Launch {
        command,
        netns: netns_file(&layout.netns()),
        mounts: None,
        cgroup: cgroups.for_process(&format!("{}/control-plane", layout.cgroup()))?,
    })
}

fn etcd(data: &Path) -> Vec<String> {
    let (client, peer) = ("http://127.0.0.1:2379", "http://127.0.0.1:2380");
    vec![
        "--name=onager".into(),
        format!("--data-dir={}", data.display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=onager={peer}"),
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
    ]
}

fn api_server(pki: &Path) -> Vec<String> {
    let file = |name: &str| pki.join(name).display().to_string();
    vec![
        format!("--advertise-address={CONTROL_PLANE}"),
        "--bind-address=0.0.0.0".into(),
        format!("--secure-port={API_PORT}"),
        "--etcd-servers=http://127.0.0.1:2379".into(),
        format!("--service-cluster-ip-range={SERVICE_RANGE}"),
        "--authorization-mode=Node,RBAC".into(),
        "--enable-admission-plugins=NodeRestriction".into(),
        "--allow-privileged=true".into(),
        // The one endpoint of the Service `kubernetes` is written once, so it does not come and go with restarts.
        "--endpoint-reconciler-type=none".into(),
        // Webhooks are called at their pods: no kube-proxy translates Service addresses where this server runs.
        "--enable-aggregator-routing=true".into(),
        "--kubelet-preferred-address-types=InternalIP".into(),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--tls-cert-file={}", file("apiserver.crt")),
        format!("--tls-private-key-file={}", file("apiserver.key")),
        format!("--kubelet-certificate-authority={}", file("ca.crt")),
        format!("--kubelet-client-certificate={}", file("apiserver-kubelet.crt")),
        format!("--kubelet-client-key={}", file("apiserver-kubelet.key")),
        format!("--requestheader-client-ca-file={}", file("ca.crt")),
        format!("--requestheader-allowed-names={FRONT_PROXY}"),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".into(),
        "--requestheader-group-headers=X-Remote-Group".into(),
        "--requestheader-username-headers=X-Remote-User".into(),
        format!("--proxy-client-cert-file={}", file("front-proxy.crt")),
        format!("--proxy-client-key-file={}", file("front-proxy.key")),
        format!("--service-account-issuer={ISSUER}"),
        format!("--service-account-key-file={}", file("tokens.crt")),
        format!("--service-account-signing-key-file={}", file("tokens.key")),
        "--default-not-ready-toleration-seconds=5".into(),
        "--default-unreachable-toleration-seconds=5".into(),
        "--profiling=false".into(),
    ]
}

fn controller_manager(layout: &Layout, patience: u32) -> Vec<String> {
    let file = |name: &str| layout.pki().join(name).display().to_string();
    let mut arguments = clients(&file("kube-controller-manager.kubeconfig"));
    arguments.extend([
        "--use-service-account-credentials".into(),
        // Each controller asks for a token when it starts: at the usual rate that alone takes four seconds.
        "--kube-api-qps=1000".into(),
        "--kube-api-burst=2000".into(),
        format!("--root-ca-file={}", file("ca.crt")),
        format!("--service-account-private-key-file={}", file("tokens.key")),
        "--node-monitor-period=1s".into(),
        format!("--node-monitor-grace-period={patience}s"),
        "--node-eviction-rate=10".into(),
        "--secondary-node-eviction-rate=10".into(),
        format!("--flex-volume-plugin-dir={}", layout.root().join("volume-plugins").display()),
    ]);
    arguments
}

fn scheduler(layout: &Layout) -> Vec<String> {
    let mut arguments = clients(&layout.pki().join("kube-scheduler.kubeconfig").display().to_string());
    // Benchmarks of scale measure operators, not how often a scheduler may ask.
    arguments.extend(["--kube-api-qps=2000".into(), "--kube-api-burst=4000".into()]);
    arguments
}

fn clients(kubeconfig: &str) -> Vec<String> {
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".into(),
        // One of each: waiting for a lease after a restart would only slow tests down.
        "--leader-elect=false".into(),
        "--profiling=false".into(),
    ]
}
