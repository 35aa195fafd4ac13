//! What the end-to-end tests share: the cluster they run on, a namespace for each test, applications written as sentences,
//! and ways to break things. Tests only look at what a user could see, and at what was ever made.

pub mod app;
pub mod bench;
pub mod cli;
pub mod command;
pub mod data;
pub mod fault;
pub mod fleet;
pub mod foreign;
pub mod ground;
pub mod history;
pub mod operator;
pub mod prometheus;
pub mod proxy;
pub mod replay;
pub mod run;
pub mod schedule;
pub mod share;
pub mod team;
pub mod timeline;
pub mod wait;

pub use app::{App, app};
pub use run::Run;
pub use team::{Team, alone, alone_and_quiet, in_namespace, in_quiet_namespace, undisturbed};
pub use wait::until;
