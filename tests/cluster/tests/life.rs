//! The life of a cluster of two nodes, on this machine: pods reach each other across nodes, components and nodes go and
//! come back, an interrupted start is cleared, and nothing is left at the end. Needs root and the packages that
//! tools/install.sh installs.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use onager_cluster::{Cluster, Component, Config, Life, until};

const LIMIT: Duration = Duration::from_secs(120);

const PODS: &str = include_str!("pods.yaml");

/// Removes the cluster when a test ends, however it ends.
struct Removed(&'static str);

impl Drop for Removed {
    fn drop(&mut self) {
        if let Err(error) = Cluster::remove(self.0) {
            eprintln!("cannot remove {}: {error:#}", self.0);
        }
    }
}

#[test]
fn a_cluster_lives_and_leaves_nothing() -> Result<()> {
    let name = "test-life";
    Cluster::remove(name)?;
    let removed = Removed(name);
    let cluster = Cluster::up(Config::named(name))?;
    ensure!(cluster.status().all_running(), "{}", cluster.status());
    ensure!(kubectl(&cluster, &["get", "nodes", "-o", "name"])? == "node/node-1\nnode/node-2\n");

    pods_reach_services_across_nodes(&cluster)?;
    the_buckets_are_there(&cluster)?;
    nothing_leads_out(&cluster)?;
    up_again_is_quick(name)?;
    the_api_server_comes_back(&cluster)?;
    a_frozen_component_is_seen(&cluster)?;
    a_node_goes_and_comes_back(&cluster)?;
    all_of_it_stops_and_goes_on(&cluster)?;

    drop(removed);
    nothing_is_left(name)
}

#[test]
fn an_interrupted_start_is_cleared() -> Result<()> {
    let name = "test-interrupted";
    Cluster::remove(name)?;
    let _removed = Removed(name);
    for milliseconds in [100, 1_000, 4_000] {
        let mut up = Command::new(env!("CARGO_BIN_EXE_onager-cluster"))
            .args(["--name", name, "up", "--nodes", "1", "--no-addons"])
            .stderr(Stdio::null())
            .spawn()?;
        // The point is to hit it anywhere: this is no wait for a condition.
        thread::sleep(Duration::from_millis(milliseconds));
        up.kill()?;
        up.wait()?;
        Cluster::remove(name)?;
        nothing_is_left(name).with_context(|| format!("interrupted after {milliseconds} ms"))?;
    }
    Ok(())
}

#[test]
fn names_and_numbers_that_cannot_be_are_refused() {
    assert!(Cluster::up(Config::named("Not A Name")).is_err());
    assert!(Cluster::up(Config::named("test-none").with_nodes(0)).is_err());
    assert!(Cluster::open("test-none").is_err());
}

fn pods_reach_services_across_nodes(cluster: &Cluster) -> Result<()> {
    let file = std::env::temp_dir().join(format!("onager-pods-{}.yaml", std::process::id()));
    fs::write(&file, PODS)?;
    kubectl(cluster, &["apply", "-f", &file.display().to_string()])?;
    fs::remove_file(&file)?;
    kubectl(cluster, &["wait", "--for=condition=Ready", "pod/client", "pod/server", "--timeout=120s"])?;
    let answer = fetch(cluster, "server", "80")?;
    ensure!(answer.ends_with("hello from node-2"), "{answer}");
    let answer = fetch(cluster, "minio.minio.svc", "9000")?;
    ensure!(answer.contains("MinIO"), "{answer}");
    // What a webhook needs: the API server finds the pods of a Service on another node.
    let answer = kubectl(cluster, &["get", "--raw", "/api/v1/namespaces/default/services/server:80/proxy/"])?;
    ensure!(answer == "hello from node-2", "{answer}");
    kubectl(cluster, &["logs", "server"]).map(drop)
}

fn the_buckets_are_there(cluster: &Cluster) -> Result<()> {
    let address = kubectl(cluster, &["get", "service/minio", "-n", "minio", "-o", "jsonpath={.spec.clusterIP}"])?;
    for bucket in ["lake", "bucket", "warehouse", "output", "no-such"] {
        let mut ask = cluster.inside("curl");
        ask.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--aws-sigv4", "aws:amz:us-east-1:s3"]);
        ask.args(["--user", "onager:onager-secret", "--noproxy", "*", &format!("http://{address}:9000/{bucket}/")]);
        let code = output(&mut ask)?;
        ensure!(code == if bucket == "no-such" { "404" } else { "200" }, "{bucket}: {code}");
    }
    Ok(())
}

fn nothing_leads_out(cluster: &Cluster) -> Result<()> {
    let node = cluster.node("node-1")?;
    for mut ip in [cluster.inside("ip"), node.inside("ip")] {
        let routes = output(ip.args(["route", "show", "default"]))?;
        ensure!(routes.is_empty(), "{routes}");
    }
    ensure!(fetch_once(cluster, "name.outside.example", "80").is_err());
    Ok(())
}

fn up_again_is_quick(name: &str) -> Result<()> {
    let started = Instant::now();
    Cluster::up(Config::named(name))?;
    ensure!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    Ok(())
}

fn the_api_server_comes_back(cluster: &Cluster) -> Result<()> {
    let server = cluster.component(Component::ApiServer);
    let before = server.pid();
    server.kill()?;
    ensure!(server.life() == Life::Down);
    ensure!(kubectl(cluster, &["get", "--raw", "/readyz"]).is_err());
    server.start()?;
    cluster.wait_api_server(LIMIT)?;
    ensure!(server.pid().is_some() && server.pid() != before);
    Ok(())
}

fn a_frozen_component_is_seen(cluster: &Cluster) -> Result<()> {
    let scheduler = cluster.component(Component::Scheduler);
    scheduler.pause()?;
    ensure!(scheduler.life() == Life::Paused);
    ensure!(!cluster.status().all_running());
    scheduler.resume()?;
    until("the scheduler goes on", LIMIT, || if scheduler.life() == Life::Running { Ok(()) } else { bail!("paused") })
}

fn a_node_goes_and_comes_back(cluster: &Cluster) -> Result<()> {
    let node = cluster.node("node-2")?;
    let store = ["get", "pod", "-n", "minio", "-o", "jsonpath={.items[*].metadata.uid}"];
    let before = kubectl(cluster, &store)?;
    node.kill()?;
    ensure!(!node.is_on() && node.kubelet().life() == Life::Down);
    kubectl(cluster, &["wait", "--for=condition=Ready=Unknown", "node/node-2", "--timeout=120s"])?;
    node.start()?;
    kubectl(cluster, &["wait", "--for=condition=Ready", "node/node-2", "--timeout=120s"])?;
    kubectl(cluster, &["wait", "--for=condition=Available", "deployment/minio", "-n", "minio", "--timeout=120s"])?;
    ensure!(kubectl(cluster, &store)? == before, "the loss of node-2 moved MinIO");
    kubectl(cluster, &["delete", "pod/server", "--ignore-not-found", "--timeout=60s"])?;
    pods_reach_services_across_nodes(cluster)
}

fn all_of_it_stops_and_goes_on(cluster: &Cluster) -> Result<()> {
    cluster.stop()?;
    for component in Component::all(2) {
        ensure!(cluster.component(component).life() == Life::Down, "{component} runs");
    }
    let cluster = Cluster::up(Config::named(cluster.name()))?;
    ensure!(cluster.status().all_running(), "{}", cluster.status());
    pods_reach_services_across_nodes(&cluster)
}

fn nothing_is_left(name: &str) -> Result<()> {
    let folder = format!("/clusters/{name}/");
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    ensure!(!mounts.contains(&folder), "a mount is left: {mounts}");
    let processes = output(Command::new("ps").args(["-eo", "pid,stat,args"]))?;
    let left: Vec<&str> = processes.lines().filter(|line| line.contains(&folder)).collect();
    ensure!(left.is_empty(), "processes are left: {left:?}");
    let links = output(Command::new("ip").args(["-o", "link"]))?;
    ensure!(!links.contains(&format!("link-netns onager-{name}")), "a link is left: {links}");
    let namespaces = fs::read_dir("/run/netns").map_or_else(|_| Vec::new(), |entries| entries.flatten().collect());
    let own = format!("onager-{name}");
    ensure!(namespaces.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(&own)), "{namespaces:?}");
    let cgroups = output(Command::new("find").args(["/sys/fs/cgroup", "-path", &format!("*/onager/{name}")]))?;
    ensure!(cgroups.is_empty(), "cgroups are left: {cgroups}");
    ensure!(!Cluster::names()?.iter().any(|other| other == name), "the folder is left");
    Ok(())
}

/// A Service is known to every node a moment after its pod is ready.
fn fetch(cluster: &Cluster, host: &str, port: &str) -> Result<String> {
    until(&format!("{host} answers"), Duration::from_secs(30), || fetch_once(cluster, host, port))
}

fn fetch_once(cluster: &Cluster, host: &str, port: &str) -> Result<String> {
    kubectl(cluster, &["exec", "client", "--", "/pause", "fetch", host, port])
}

fn kubectl(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    output(cluster.kubectl().arg("--request-timeout=120s").args(arguments))
}

fn output(command: &mut Command) -> Result<String> {
    let done = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !done.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
