//! The life of an application, played without a cluster: any order of events, and the orders that have a name.

mod properties;
mod sentences;
mod world;
