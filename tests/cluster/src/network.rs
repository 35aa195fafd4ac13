//! The network of a cluster: a namespace for the control plane with a bridge in it, one for each node joined to that
//! bridge, and one veth pair to the host. No namespace has a default route, so nothing can leave the machine, and the host
//! gets no route other than the pair's own.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::address::{self, CONTROL_PLANE, MAX_NODES, SERVICE_RANGE, Uplink};
use crate::layout::{Layout, netns_file, node_name};
use crate::run;

/// What holds in each namespace: packets are forwarded, and IPv6 stays out of the way where the kernel has it.
const SYSCTLS: &str = "echo 1 > /proc/sys/net/ipv4/ip_forward
for f in all default; do
  [ ! -e /proc/sys/net/ipv6/conf/$f/disable_ipv6 ] || echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6
done
ip -batch -";

/// Makes the control plane's namespace and the pair to the host.
pub fn add_control_plane(layout: &Layout) -> Result<Uplink> {
    let netns = layout.netns();
    add_namespace(&netns)?;
    let uplink = claim_uplink(&netns)?;
    let host = uplink.link();
    run::output(&mut run::command("ip", ["addr", "add", &format!("{}/30", uplink.host()), "dev", &host]))?;
    run::output(&mut run::command("ip", ["link", "set", &host, "up"]))?;
    let mut batch = format!(
        "link set lo up\naddr add {}/30 dev host0\nlink set host0 up\nlink add br0 type bridge\n\
         addr add {CONTROL_PLANE}/24 dev br0\nlink set br0 up\n",
        uplink.control_plane(),
    );
    batch += &pod_routes(None);
    // Services are the nodes' business: the first one translates for whoever asks from here.
    batch += &format!("route add {SERVICE_RANGE} via {}\n", address::node_address(1));
    configure(&netns, &batch)?;
    Ok(uplink)
}

/// Makes a node's namespace and joins it to the bridge.
pub fn add_node(layout: &Layout, node: usize) -> Result<()> {
    let (control, netns, link) = (layout.netns(), layout.node_netns(node), node_name(node));
    add_namespace(&netns)?;
    let mac = address::node_mac(node);
    let pair = ["link", "add", &link, "type", "veth", "peer", "name", "eth0", "address", &mac, "netns", &netns];
    run::output(run::inside(&control, "ip").args(pair))?;
    run::output(run::inside(&control, "ip").args(["link", "set", &link, "master", "br0", "up"]))?;
    let mut batch = format!(
        "link set lo up\naddr add {}/24 dev eth0\nlink set eth0 up\nroute add {SERVICE_RANGE} dev eth0\n",
        address::node_address(node),
    );
    batch += &pod_routes(Some(node));
    configure(&netns, &batch)
}

/// Takes a node off the bridge, and its namespace away. The link goes first: a namespace may end a moment later.
pub fn remove_node(layout: &Layout, node: usize) -> Result<()> {
    if netns_file(&layout.netns()).exists() {
        // Not there yet, or no longer: both are what is wanted.
        let _ = run::output(run::inside(&layout.netns(), "ip").args(["link", "del", &node_name(node)]));
    }
    remove(&layout.node_netns(node))
}

/// Takes away a namespace and with it every link in it.
pub fn remove(netns: &str) -> Result<()> {
    let file = netns_file(netns);
    if !file.exists() {
        return Ok(());
    }
    // Not mounted: an interrupted start had made the file only.
    let _ = run::output(run::command("umount", ["--lazy"]).arg(&file));
    fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    let _ = fs::remove_dir("/run/netns");
    Ok(())
}

/// Every namespace of a cluster that is there, the nodes' first.
pub fn namespaces(layout: &Layout) -> Vec<String> {
    let nodes = (1..=MAX_NODES).map(|node| layout.node_netns(node));
    nodes.chain([layout.netns()]).filter(|name| netns_file(name).exists()).collect()
}

/// Whether the host has the link of an uplink.
pub fn has_link(uplink: Uplink) -> bool {
    Path::new("/sys/class/net").join(uplink.link()).exists()
}

/// Takes away the pair from inside the cluster's namespace: from there it can be no other cluster's.
pub fn remove_own_link(netns: &str) {
    // Not there yet, or no longer: both are what is wanted.
    let _ = run::output(run::inside(netns, "ip").args(["link", "del", "host0"]));
}

fn add_namespace(netns: &str) -> Result<()> {
    let file = netns_file(netns);
    fs::create_dir_all("/run/netns").context("cannot make /run/netns")?;
    fs::write(&file, "").with_context(|| format!("cannot make {}", file.display()))?;
    run::output(&mut run::command("unshare", [&format!("--net={}", file.display()), "true"]))?;
    Ok(())
}

/// The kernel admits one link of a name: making it is the claim, whatever other clusters do at the same time.
fn claim_uplink(netns: &str) -> Result<Uplink> {
    let taken = host_networks()?;
    for index in 0..=u8::MAX {
        let uplink = Uplink::new(index);
        if taken.iter().any(|(address, prefix)| uplink.overlaps(*address, *prefix)) {
            continue;
        }
        let link = uplink.link();
        let pair = ["link", "add", &link, "type", "veth", "peer", "name", "host0", "netns", netns];
        match run::output(&mut run::command("ip", pair)) {
            Ok(_) => return Ok(uplink),
            Err(error) if error.to_string().contains("File exists") => {}
            Err(error) => return Err(error),
        }
    }
    bail!("every range from 10.213.0.0/30 to 10.213.255.0/30 is taken by the host's networks")
}

/// The networks the host can reach, its default route apart.
fn host_networks() -> Result<Vec<(Ipv4Addr, u8)>> {
    Ok(parse_routes(&run::output(&mut run::command("ip", ["-4", "route", "show", "table", "main"]))?))
}

fn parse_routes(text: &str) -> Vec<(Ipv4Addr, u8)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some(target) = line.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit())) else {
            continue;
        };
        if line.starts_with("default") {
            continue;
        }
        let (address, prefix) = target.split_once('/').unwrap_or((target, "32"));
        if let (Ok(address), Ok(prefix)) = (address.parse(), prefix.parse()) {
            found.push((address, prefix));
        }
    }
    found
}

/// Routes to the pods of all nodes there may ever be, so that a new node changes nothing at the others.
fn pod_routes(own: Option<usize>) -> String {
    let others = (1..=MAX_NODES).filter(|node| Some(*node) != own);
    others.map(|n| format!("route add {} via {}\n", address::pod_range(n), address::node_address(n))).collect()
}

fn configure(netns: &str, batch: &str) -> Result<()> {
    run::output_with_input(run::inside(netns, "sh").args(["-e", "-c", SYSCTLS]), batch)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_of_the_host_are_read_without_the_default() {
        let text = "default via 192.0.2.1 dev eth0\n10.213.0.0/30 dev onager0 proto kernel\nunreachable 10.9.0.0/16\n\
                    192.0.2.7 dev eth1\n";
        let seen = parse_routes(text);
        let expected = [([10, 213, 0, 0], 30), ([10, 9, 0, 0], 16), ([192, 0, 2, 7], 32)];
        assert_eq!(seen, expected.map(|(address, prefix)| (Ipv4Addr::from(address), prefix)));
    }

    #[test]
    fn a_node_has_no_route_to_itself() {
        assert!(!pod_routes(Some(2)).contains("10.244.2.0"));
        assert_eq!(pod_routes(None).lines().count(), MAX_NODES);
    }
}
