//! The command `onager-cluster`: a thin shell around the library of the same name. It decides nothing itself.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use onager_cluster::{Cluster, Component, Config, build_image};

/// A real Kubernetes cluster of several nodes on this one machine.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The cluster's name.
    #[arg(long, global = true, env = "ONAGER_CLUSTER", default_value = "data-platform-cluster")]
    name: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Brings the cluster up; does nothing where it runs.
    Up {
        /// How many nodes it has [default: those it has, or 2].
        #[arg(long)]
        nodes: Option<usize>,
        /// How many CPUs each node says it has for pods, where the machine has more [default: as it was made, or all].
        #[arg(long)]
        cpus: Option<usize>,
        /// Leaves CoreDNS and MinIO out.
        #[arg(long)]
        no_addons: bool,
        /// Seconds for which a node may be silent before it counts as lost. With many fake nodes a short time is many
        /// writes: each tells twice in it that it lives.
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(4..))]
        patience: u32,
    },
    /// Gives it fake nodes, which run nothing: kwok plays them and their pods. Pods need the toleration of their taints,
    /// `fake.onager.dev/node`.
    Fake {
        /// How many.
        nodes: usize,
        /// What their pods do, as a file of kwok's stages [default: run at once, end as annotations say].
        #[arg(long)]
        stages: Option<PathBuf>,
    },
    /// Removes the cluster with everything that belongs to it.
    Down,
    /// Shuts all of it down and keeps its data; `up` goes on from there.
    Stop,
    /// Says what runs; fails unless everything does.
    Status,
    /// Names all clusters of this machine.
    List,
    /// Loads image archives into every node.
    Load {
        /// Archives of the kinds docker-archive and OCI.
        #[arg(required = true)]
        archives: Vec<PathBuf>,
    },
    /// Builds an image from a Dockerfile without RUN steps into an archive.
    BuildImage {
        /// The image's name and tag.
        image: String,
        /// The Dockerfile.
        dockerfile: PathBuf,
        /// The folder it copies from.
        context: PathBuf,
        /// The docker-archive to write.
        archive: PathBuf,
    },
    /// Prints the path of the kubeconfig.
    Kubeconfig,
    /// Starts, stops, pauses, resumes or kills a component.
    Component {
        /// Such as kube-apiserver or node-2/kubelet.
        component: Component,
        /// What to do.
        signal: ComponentAction,
    },
    /// Starts or stops a node, or takes its power away.
    Node {
        /// Such as node-2.
        node: String,
        /// What to do.
        signal: NodeAction,
    },
    /// Prints a component's log.
    Logs {
        /// Such as kube-apiserver or node-2/kubelet.
        component: Component,
    },
    /// Opens a shell inside the cluster's network, with kubectl set to it.
    Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum ComponentAction {
    Start,
    Stop,
    Pause,
    Resume,
    Kill,
}

#[derive(Clone, Copy, ValueEnum)]
enum NodeAction {
    Start,
    Stop,
    Kill,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("onager-cluster: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let name = arguments.name.as_str();
    match &arguments.action {
        Action::Up { nodes, cpus, no_addons, patience } => {
            let config = Config::named(name).with_nodes(nodes.unwrap_or_else(|| known_nodes(name)));
            Cluster::up(Config { addons: !no_addons, cpus: *cpus, patience: *patience, ..config })?;
        }
        Action::Fake { nodes, stages } => {
            let read = |path: &PathBuf| {
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
            };
            let stages = stages.as_ref().map(read).transpose()?;
            Cluster::open(name)?.set_fake_nodes(*nodes, stages.as_deref())?;
        }
        Action::Down => Cluster::remove(name)?,
        Action::Stop => Cluster::open(name)?.stop()?,
        Action::Status => {
            let status = Cluster::open(name)?.status();
            print!("{status}");
            return Ok(if status.all_running() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Action::List => Cluster::names()?.iter().for_each(|name| println!("{name}")),
        Action::Load { archives } => {
            let cluster = Cluster::open(name)?;
            archives.iter().try_for_each(|archive| cluster.load_image(archive))?;
        }
        Action::BuildImage { image, dockerfile, context, archive } => {
            let built = build_image(image, dockerfile, context, archive)?;
            eprintln!("{image}: {}", if built { "built" } else { "unchanged" });
        }
        Action::Kubeconfig => println!("{}", Cluster::open(name)?.kubeconfig().display()),
        Action::Component { component, signal } => {
            let handle = Cluster::open(name)?.component(*component);
            match signal {
                ComponentAction::Start => handle.start()?,
                ComponentAction::Stop => handle.stop()?,
                ComponentAction::Pause => handle.pause()?,
                ComponentAction::Resume => handle.resume()?,
                ComponentAction::Kill => handle.kill()?,
            }
        }
        Action::Node { node, signal } => {
            let node = Cluster::open(name)?.node(node)?;
            match signal {
                NodeAction::Start => node.start()?,
                NodeAction::Stop => node.stop()?,
                NodeAction::Kill => node.kill()?,
            }
        }
        Action::Logs { component } => print_log(&Cluster::open(name)?.component(*component).log())?,
        Action::Shell => return Err(shell(&Cluster::open(name)?)),
    }
    Ok(ExitCode::SUCCESS)
}

fn known_nodes(name: &str) -> usize {
    Cluster::open(name).map_or(2, |cluster| cluster.nodes().len())
}

fn print_log(path: &PathBuf) -> Result<()> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut text))
        .with_context(|| format!("no {}", path.display()))?;
    // Whoever reads may stop reading.
    let _ = std::io::stdout().write_all(&text);
    Ok(())
}

/// Becomes the shell, so this returns only if it cannot.
fn shell(cluster: &Cluster) -> anyhow::Error {
    let shell = std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".into());
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = cluster.inside(&shell);
    command.env("KUBECONFIG", cluster.kubeconfig()).env("PATH", format!("{}:{path}", cluster.programs().display()));
    anyhow::Error::from(command.exec()).context("cannot open a shell")
}
