//! Waits for a condition with a generous limit. The only place that sleeps; no test asserts a time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Long enough for a busy machine of two cores; reached only when something is broken.
pub const LIMIT: Duration = Duration::from_secs(900);

const PAUSE: Duration = Duration::from_millis(150);

/// Asks until there is an answer. Errors are asked again: the API server may be on its way back.
///
/// # Errors
/// At the limit, with what was seen last.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        let seen = match look().await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => "not yet".to_string(),
            Err(error) => format!("{error:#}"),
        };
        if started.elapsed() > LIMIT {
            bail!("{what}: not within {} s; last: {seen}", LIMIT.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
