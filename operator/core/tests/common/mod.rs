//! What tests of the life cycle share.

use onager_core::{Phase, PodSeen, Role, lifecycle};

/// UID of the application.
pub const UID: &str = "app-uid";

/// A pod of the application `app` as it was just made.
pub fn made(role: Role, attempt: u32, uid: String) -> PodSeen {
    PodSeen {
        role,
        name: name_of(role),
        uid,
        owner: Some(UID.into()),
        attempt,
        phase: Phase::Pending,
        deleting: false,
        dismissed: false,
        node_ready: true,
        node: None,
        trouble: None,
        exit: None,
        lingers: false,
    }
}

/// The name of its pod.
pub fn name_of(role: Role) -> String {
    match role {
        Role::Driver => lifecycle::driver_name("app"),
        Role::Executor(index) => lifecycle::executor_name("app", index),
    }
}
