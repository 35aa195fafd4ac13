//! Who of those that wait starts next, with which room, and who gives way: queues that share a cluster by weight, gangs that
//! start whole or not at all, and for each that waits the reason. A cycle takes a snapshot and the time and answers decisions,
//! which are data. Nothing here knows Kubernetes' objects, a clock or chance: the same snapshot gives the same decisions.

mod admit;
pub mod amounts;
pub mod books;
mod crowd;
pub mod cycle;
pub mod decision;
mod demand;
pub mod deserve;
mod desk;
pub mod ground;
mod grow;
pub mod guard;
mod head;
pub mod order;
mod passed;
pub mod play;
pub mod quota;
mod reclaim;
mod room;
pub mod snapshot;
pub mod spec;
pub mod standing;
pub mod tree;
pub mod why;

pub use amounts::{Amounts, Ceiling, Kind, Kinds};
pub use cycle::{Outcome, QueueReport, cycle};
pub use decision::Decision;
pub use snapshot::{App, Claim, Name, Pods, Shape, ShapeId, Shapes, Site, Snapshot, Stage};
pub use spec::{Order, Preemption, Provisioning, QueueSpec, Reclaim};
pub use standing::Standing;
pub use why::{Block, Why};
