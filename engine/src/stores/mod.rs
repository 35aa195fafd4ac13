//! Object stores: which store an address means, and what its errors mean. The same registry serves the driver's client,
//! its scheduler and every executor. Nothing in here writes.

mod access;
mod explain;
mod options;
mod registry;

pub(crate) use access::{check_bucket, download, fetch_text, parse};
pub(crate) use explain::{class_of_text, explain};
pub(crate) use registry::Stores;
