//! The webhook's certificate. Usually the operator's own ([`keep`]): made, stored in a Secret that all replicas share,
//! renewed with an overlap in which old and new are both trusted, and told to the API server. Or somebody else's
//! ([`follow`]): read from files as often as they change. Either way [`Served`] is what a new connection gets.

mod expiry;
mod inject;
mod keeper;
mod keyring;
mod make;
mod mounted;
mod served;

pub use keeper::keep;
#[cfg(test)]
pub use make::pair;
pub use mounted::follow;
pub use served::{Served, server_config};
