//! Says on standard error what is happening and how long it has taken. It decides nothing.

use std::time::Instant;

/// A clock with a voice.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    started: Instant,
    quiet: bool,
}

impl Progress {
    /// A clock that starts now; a quiet one says nothing.
    pub fn new(quiet: bool) -> Self {
        Self { started: Instant::now(), quiet }
    }

    /// One line with the seconds since the start.
    pub fn say(&self, what: impl AsRef<str>) {
        if !self.quiet {
            eprintln!("[{:6.2} s] {}", self.started.elapsed().as_secs_f64(), what.as_ref());
        }
    }
}
