//! Tells the log from time to time what the run is doing, in the words of its page: soon where they have changed, seldom
//! where they have not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use onager_contract::Phase;
use tracing::info;

use super::facts::Facts;
use super::sentence;
use super::view::{State, View};

/// How often a sentence is said at most.
const EVERY: Duration = Duration::from_secs(10);
/// After how long the same is said again, as a sign of life.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Runs as long as the driver; it looks only while the program runs.
pub(in crate::driver) async fn narrate(facts: Arc<Facts>) {
    let (mut last, mut said_at) = (String::new(), Instant::now());
    loop {
        tokio::time::sleep(EVERY).await;
        if facts.phase() != Phase::Running {
            continue;
        }
        let view = facts.view().await;
        let now = sentence::now(&view);
        if is_worth_saying(&view) && (now != last || said_at.elapsed() >= SAY_AGAIN) {
            info!("{}", now.trim_end_matches('.'));
            (last, said_at) = (now, Instant::now());
        }
    }
}

/// A program that computes in the driver itself has its own words.
fn is_worth_saying(view: &View) -> bool {
    view.pending_tasks > 0 || view.jobs.iter().any(|job| matches!(job.state, State::Running | State::Waiting))
}
