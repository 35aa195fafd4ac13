//! Brings a cluster up, from nothing, from what an interrupted start left, or from what stands still. Each step looks at
//! what is there first, so `up` on a cluster that runs changes nothing.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::address::{API_PORT, MAX_NODES, Uplink};
use crate::cgroup::Hierarchies;
use crate::cluster::{Cluster, Config};
use crate::component::Component;
use crate::layout::{Layout, netns_file, node_name};
use crate::pki::Authority;
use crate::process::{self, Life};
use crate::progress::Progress;
use crate::record::{Lock, Phase, Record};
use crate::tools::Tools;
use crate::wait::until;
use crate::{control_plane, down, load, network, node, preflight, run, support};

const OBJECTS: &str = include_str!("addons/kubernetes.yaml");
const COREDNS: &str = include_str!("addons/coredns.yaml");
const MINIO: &str = include_str!("addons/minio.yaml");

/// The add-ons: namespace, Deployment, and below the namespace's Services where it says that it is ready.
const ADDONS: [(&str, &str, &str); 2] =
    [("kube-system", "coredns", "kube-dns:ready/proxy/ready"), ("minio", "minio", "minio:s3/proxy/minio/health/ready")];

const LIMIT: Duration = Duration::from_secs(120);

struct Start<'a> {
    layout: &'a Layout,
    tools: &'a Tools,
    cgroups: &'a Hierarchies,
    images: &'a support::Images,
    progress: Progress,
    record: Record,
}

/// Brings the cluster up and returns when its nodes and add-ons are ready.
pub fn up(config: &Config) -> Result<Cluster> {
    if !(1..=MAX_NODES).contains(&config.nodes) {
        bail!("{} nodes: a cluster has 1 to {MAX_NODES}", config.nodes);
    }
    let layout = Layout::of(&config.name)?;
    preflight::check()?;
    let tools = Tools::find(config.addons)?;
    let images = support::Images::pack(&tools)?;
    let cgroups = Hierarchies::find()?;
    let progress = Progress::new(config.quiet);
    let _lock = Lock::take(&layout)?;
    let (record, fresh) = open(config, &layout, &tools, &cgroups, progress)?;
    let mut start = Start { layout: &layout, tools: &tools, cgroups: &cgroups, images: &images, progress, record };
    start.run(fresh)?;
    start.record.phase = Phase::Ready;
    start.record.write(&layout)?;
    progress.say(format!("cluster {} is ready: {} nodes", layout.name(), start.record.nodes));
    let record = start.record;
    Ok(Cluster { layout, record })
}

/// What there is to go on from: the record of a good cluster, or a new one after whatever stood in its place is gone.
fn open(
    config: &Config,
    layout: &Layout,
    tools: &Tools,
    cgroups: &Hierarchies,
    progress: Progress,
) -> Result<(Record, bool)> {
    match Record::read(layout)? {
        Some(mut record) if record.phase == Phase::Ready => {
            if config.addons && !record.addons {
                bail!("cluster {} was made without add-ons: run down first", layout.name());
            }
            for node in config.nodes + 1..=record.nodes {
                progress.say(format!("removing {}", node_name(node)));
                down::node(layout, &record, node)?;
            }
            record.nodes = config.nodes;
            record.cpus = config.cpus.or(record.cpus);
            record.write(layout)?;
            return Ok((record, false));
        }
        Some(_) => {
            progress.say("removing what an interrupted start left");
            down::remove(layout)?;
        }
        None if netns_file(&layout.netns()).exists() || cgroups.exists(&layout.cgroup()) => bail!(
            "a cluster {} is there that {} knows nothing of: was it made with another ONAGER_STATE? \
             `down` removes it",
            layout.name(),
            layout.state().display()
        ),
        None => down::remove(layout)?,
    }
    for folder in ["", "run", "logs"] {
        fs::create_dir_all(layout.root().join(folder))
            .with_context(|| format!("cannot make {}", layout.root().display()))?;
    }
    let record = Record {
        nodes: config.nodes,
        fake_nodes: 0,
        uplink: 0,
        patience: config.patience,
        cpus: config.cpus,
        phase: Phase::Starting,
        addons: config.addons,
        programs: tools.programs().to_owned(),
    };
    record.write(layout)?;
    Ok((record, true))
}

impl Start<'_> {
    fn run(&mut self, fresh: bool) -> Result<()> {
        let authority = Authority::open(&self.layout.pki())?;
        self.network(&authority)?;
        let this = &*self;
        thread::scope(|scope| {
            let boots: Vec<_> = (1..=this.record.nodes)
                .map(|node| scope.spawn(move || this.boot(node).with_context(|| node_name(node))))
                .collect();
            this.control_plane(fresh)?;
            for (node, boot) in (1..).zip(boots) {
                boot.join().map_err(|_| anyhow!("booting {} panicked", node_name(node)))??;
                node::join(this.layout, this.tools, this.cgroups, &authority, node, this.record.cpus)?;
            }
            anyhow::Ok(())
        })?;
        if self.record.fake_nodes > 0 {
            process::start_again(self.layout, Component::Kwok)?;
        }
        self.progress.say("kubelets started");
        self.wait()
    }

    /// The network of the control plane, and the credentials that carry its address.
    fn network(&mut self, authority: &Authority) -> Result<()> {
        let uplink = Uplink::new(self.record.uplink);
        if netns_file(&self.layout.netns()).exists() && network::has_link(uplink) {
            return Ok(());
        }
        // A restart of the machine took the namespaces and left the files.
        down::still(self.layout)?;
        let uplink = network::add_control_plane(self.layout)?;
        self.record.uplink = uplink.index();
        self.record.write(self.layout)?;
        control_plane::write_credentials(self.layout, authority, uplink)?;
        self.progress.say(format!("network made, the API server will be at {}", uplink.api_server()));
        Ok(())
    }

    fn boot(&self, node: usize) -> Result<()> {
        node::boot(self.layout, node, self.cgroups)?;
        for archive in self.images.for_node(node).chain(&load::remembered(self.layout)) {
            load::into_node(self.layout, node, archive)?;
        }
        self.progress.say(format!("{}: containerd runs, images are there", node_name(node)));
        Ok(())
    }

    fn control_plane(&self, fresh: bool) -> Result<()> {
        self.component(Component::Etcd)?;
        self.component(Component::ApiServer)?;
        wait_api_server(self.layout, &self.record, LIMIT)?;
        self.progress.say("the API server is ready");
        self.component(Component::ControllerManager)?;
        self.component(Component::Scheduler)?;
        if fresh {
            self.apply(OBJECTS)?;
            if self.record.addons {
                self.apply(&format!("{COREDNS}\n---\n{MINIO}"))?;
            }
            self.progress.say("cluster objects and add-ons are applied");
        }
        Ok(())
    }

    fn component(&self, component: Component) -> Result<()> {
        if process::running(self.layout, component).is_some() {
            return process::resume(self.layout, component);
        }
        let launch = control_plane::launch(self.layout, self.tools, self.cgroups, component, self.record.patience)?;
        process::start(self.layout, component, &launch)
    }

    fn wait(&self) -> Result<()> {
        let nodes: Vec<String> = (1..=self.record.nodes).map(|node| format!("node/{}", node_name(node))).collect();
        until("the nodes are ready", LIMIT, || {
            all_run(self.layout, &Component::all(self.record.nodes))?;
            let mut wait = self.kubectl();
            wait.args(["wait", "--for=condition=Ready", "--timeout=20s"]).args(&nodes);
            run::output(&mut wait).map(drop)
        })?;
        // What the API server has on record may be from before a restart: these go to the nodes and pods themselves.
        for node in &nodes {
            self.answers(&format!("/api/v1/{}/proxy/healthz", node.replacen('/', "s/", 1)))?;
        }
        self.progress.say("the nodes are ready");
        if self.record.addons {
            for (namespace, name, probe) in ADDONS {
                let mut wait = self.kubectl();
                wait.args(["wait", "--for=condition=Available", "--timeout=20s", "-n", namespace]);
                wait.arg(format!("deployment/{name}"));
                until(&format!("{name} is available"), LIMIT, || run::output(&mut wait).map(drop))?;
                self.answers(&format!("/api/v1/namespaces/{namespace}/services/{probe}"))?;
            }
            self.progress.say("CoreDNS and MinIO are ready");
        }
        Ok(())
    }

    /// Waits until the API server gets an answer where the path leads.
    fn answers(&self, path: &str) -> Result<()> {
        until(&format!("{path} answers"), LIMIT, || {
            run::output(self.kubectl().args(["get", "--raw", path, "--request-timeout=5s"])).map(drop)
        })
    }

    fn apply(&self, manifests: &str) -> Result<()> {
        let mut apply = self.kubectl();
        apply.args(["apply", "--server-side", "--force-conflicts", "--validate=false", "-f", "-"]);
        run::output_with_input(&mut apply, manifests).map(drop)
    }

    fn kubectl(&self) -> Command {
        kubectl(self.layout, &self.record.programs)
    }
}

/// Waits until the API server answers that it is ready.
pub fn wait_api_server(layout: &Layout, record: &Record, limit: Duration) -> Result<()> {
    until("the API server is ready", limit, || {
        all_run(layout, &[Component::Etcd, Component::ApiServer])?;
        // Nobody listens for the first seconds, and kubectl costs much more than this question.
        let address = (Uplink::new(record.uplink).control_plane(), API_PORT).into();
        TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        let mut ask = kubectl(layout, &record.programs);
        run::output(ask.args(["get", "--raw", "/readyz", "--request-timeout=5s"])).map(drop)
    })
}

/// What has ended says why in its last lines.
fn all_run(layout: &Layout, components: &[Component]) -> Result<()> {
    for component in components {
        if process::life(layout, *component) == Life::Down {
            bail!("{component} ended: {}", process::last_words(layout, *component));
        }
    }
    Ok(())
}

/// kubectl for a cluster, whatever the caller's environment says about proxies and configurations.
pub fn kubectl(layout: &Layout, programs: &Path) -> Command {
    let mut command = Command::new(programs.join("kubectl"));
    command.env("KUBECONFIG", layout.kubeconfig()).env("KUBECACHEDIR", layout.root().join("kubectl"));
    for proxy in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(proxy);
    }
    command
}
