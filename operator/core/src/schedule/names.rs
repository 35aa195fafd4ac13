//! Names of runs: the schedule's and the second a run is due. Two operators, or one that asks twice, can so make no two runs
//! of one time.

use jiff::Timestamp;

/// Digits of a time in a run's name, in seconds since 1970: enough until the year 2286.
const DIGITS: usize = 10;

/// The name of the run that is due at a time.
pub fn run_name(schedule: &str, due: Timestamp) -> String {
    format!("{schedule}-{:0DIGITS$}", due.as_second().max(0))
}

/// The schedule that a run's name is made of, and when the run was due.
pub fn of_run(run: &str) -> Option<(&str, Timestamp)> {
    let (schedule, digits) = run.rsplit_once('-')?;
    let all_digits = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    let due = digits.parse().ok().filter(|_| all_digits && !schedule.is_empty())?;
    Some((schedule, Timestamp::from_second(due).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::{driver_name, executor_name};

    #[test]
    fn a_name_holds_the_schedule_and_the_time() {
        let due = Timestamp::from_second(1_790_000_000).expect("time");
        assert_eq!(run_name("nightly", due), "nightly-1790000000");
        assert_eq!(of_run("nightly-1790000000"), Some(("nightly", due)));
        for other in ["nightly", "nightly-1", "nightly-17900000001", "-1790000000", "nightly-179000000x"] {
            assert_eq!(of_run(other), None, "{other}");
        }
    }

    #[test]
    fn the_longest_name_leaves_room_for_all_that_is_made_from_it() {
        // 41 characters are what the CRD allows a schedule.
        let run = run_name(&"a".repeat(41), Timestamp::MAX);
        let run = &run[..run.len().min(52)];
        assert_eq!(run.len(), 52, "what the CRD allows an application");
        assert!(driver_name(run).len() <= 63 && executor_name(run, 99_999).len() <= 63);
    }
}
