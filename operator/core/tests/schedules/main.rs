//! A schedule keeps its promises, whatever happens in whatever order.

mod properties;
mod sentences;
mod world;
