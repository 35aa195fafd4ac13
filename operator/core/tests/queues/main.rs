//! Queues: what they promise, as sentences, as properties over random worlds, and against a slow model that is plainly right.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod fairness;
mod fixture;
mod giving;
mod model;
mod odd;
mod passed;
mod properties;
mod reference;
mod sentences;
#[path = "../common/soak.rs"]
mod soak;
mod worlds;
