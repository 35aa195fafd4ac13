//! Waits for a condition with a limit. The only place of this crate that sleeps.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Asks every 50 ms until the answer is there; what was last seen goes into the error at the limit.
pub fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    loop {
        let seen = match ask() {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if started.elapsed() >= limit {
            bail!("{what}: not within {} s; last seen: {seen:#}", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
}
