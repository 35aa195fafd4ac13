//! How much properties are to try, as `ONAGER_CASES` says it, and that no two tries of them are the same.

use std::{env, time::Duration};

use proptest::{prelude::ProptestConfig, test_runner::RngSeed};

/// How many to try, and how long to go on for in any case: `usual` where nobody says, at least `least` for a time such as `600s`.
pub fn asked(usual: u64, least: u64) -> (u64, Duration) {
    let asked = env::var("ONAGER_CASES").unwrap_or_default();
    if asked.is_empty() {
        return (usual, Duration::ZERO);
    }
    match asked.strip_suffix('s') {
        Some(seconds) => (least, Duration::from_secs(seconds.parse().expect("ONAGER_CASES: seconds"))),
        None => {
            (asked.replace('_', "").parse().expect("ONAGER_CASES: a number, or seconds such as 600s"), Duration::ZERO)
        }
    }
}

/// So many cases, others for each `number`; the same ones each time where `PROPTEST_RNG_SEED` is set.
pub fn config(cases: u32, number: u64) -> ProptestConfig {
    let mut config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    if let RngSeed::Fixed(seed) = &mut config.rng_seed {
        *seed = seed.wrapping_add(number);
    }
    config
}
