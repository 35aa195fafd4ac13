//! A real Kubernetes cluster of one or more nodes on this one machine, as a library that tests drive and as the command
//! behind the demo. Everything runs in network namespaces without a way out; the host speaks to the API server alone,
//! over one veth pair. It may not write outside its state and cache folders, and leaves nothing behind after `down`.

mod address;
mod build;
mod cgroup;
mod cluster;
mod component;
mod containerd;
mod control_plane;
mod down;
mod fake;
mod image;
mod kubeconfig;
mod kubelet;
mod layout;
mod load;
mod mounts;
mod network;
mod node;
mod pki;
mod preflight;
mod process;
mod progress;
mod record;
mod run;
mod status;
mod support;
mod tools;
mod up;
mod wait;

pub use address::MAX_NODES;
pub use build::build_image;
pub use cluster::{Cluster, Config};
pub use component::{Component, ComponentHandle};
pub use fake::FAKE;
pub use node::NodeHandle;
pub use pki::{Authority, Identity};
pub use process::Life;
pub use status::{ComponentStatus, Status};
pub use tools::{helm, prometheus};
pub use wait::until;
