//! The life of an application, played without a cluster: any order of events, and the orders that have a name.

#[path = "../common/mod.rs"]
mod common;
mod edits;
mod executors;
mod promises;
mod properties;
mod scenes;
mod sentences;
#[path = "../common/soak.rs"]
mod soak;
mod world;
