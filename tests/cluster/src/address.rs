//! Which address each part of a cluster has. Only the veth pair to the host differs between clusters: everything else
//! lives inside namespaces and may be the same in each. Pure: it looks at nothing on the machine.

use std::net::Ipv4Addr;

/// The most nodes a cluster may have.
pub const MAX_NODES: usize = 32;

/// The range of all pods of a cluster.
pub const POD_RANGE: &str = "10.244.0.0/16";
/// The range of Service addresses.
pub const SERVICE_RANGE: &str = "10.96.0.0/16";
/// The Service address of the API server.
pub const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// The Service address of the cluster's DNS.
pub const DNS_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// The control plane's address on the bridge that joins the nodes.
pub const CONTROL_PLANE: Ipv4Addr = Ipv4Addr::new(10, 200, 0, 1);
/// The API server's port, the same on each of its addresses.
pub const API_PORT: u16 = 6443;

/// The address of node number `node`, counted from 1.
pub fn node_address(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 200, 0, 10 + octet(node))
}

/// The pods' range on node number `node`.
pub fn pod_range(node: usize) -> String {
    format!("10.244.{}.0/24", octet(node))
}

/// A fixed hardware address, so that a node that comes back is known to its neighbours.
pub fn node_mac(node: usize) -> String {
    format!("02:00:0a:c8:00:{:02x}", 10 + octet(node))
}

/// The veth pair of the cluster with the given index: one /30 of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uplink {
    index: u8,
}

impl Uplink {
    /// The pair for an index that the caller has made sure is free.
    pub fn new(index: u8) -> Self {
        Self { index }
    }

    /// The index itself.
    pub fn index(self) -> u8 {
        self.index
    }

    /// The interface on the host.
    pub fn link(self) -> String {
        format!("onager{}", self.index)
    }

    /// The host's address.
    pub fn host(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.index, 1)
    }

    /// The control plane's address as the host sees it.
    pub fn control_plane(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.index, 2)
    }

    /// Where the host finds the API server.
    pub fn api_server(self) -> String {
        format!("https://{}:{API_PORT}", self.control_plane())
    }

    /// Whether an address of the host, with its prefix length, lies in or around the pair's range.
    pub fn overlaps(self, address: Ipv4Addr, prefix: u8) -> bool {
        let bits = u32::from(prefix.min(30));
        let mask = if bits == 0 { 0 } else { u32::MAX << (32 - bits) };
        u32::from(address) & mask == u32::from(self.host()) & mask
    }
}

fn octet(node: usize) -> u8 {
    assert!((1..=MAX_NODES).contains(&node), "nodes are numbered from 1 to {MAX_NODES}");
    node as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_do_not_share_addresses() {
        assert_eq!(node_address(1), Ipv4Addr::new(10, 200, 0, 11));
        assert_eq!(pod_range(2), "10.244.2.0/24");
        assert_eq!(node_mac(2), "02:00:0a:c8:00:0c");
        assert_ne!(node_address(MAX_NODES), CONTROL_PLANE);
    }

    #[test]
    fn each_cluster_has_a_veth_range_of_its_own() {
        let (first, second) = (Uplink::new(0), Uplink::new(1));
        assert_eq!(first.api_server(), "https://10.213.0.2:6443");
        assert!(first.overlaps(first.control_plane(), 30));
        assert!(!second.overlaps(first.host(), 30));
    }

    #[test]
    fn a_wide_network_of_the_host_overlaps() {
        assert!(Uplink::new(7).overlaps(Ipv4Addr::new(10, 0, 0, 1), 8));
        assert!(!Uplink::new(7).overlaps(Ipv4Addr::new(192, 168, 0, 1), 16));
    }
}
