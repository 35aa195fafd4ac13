//! Numbers and times for people: `1.2 MiB`, `12,345`, `3 min 20 s`. It knows no page.

use jiff::Timestamp;

pub(super) use crate::words::{count, several};

/// `812 B`, `1.2 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    // What would be shown as 1024.0 of a unit is 1.0 of the next.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `40 ms`, `3.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..60 => format!("{}.{} s", seconds, milliseconds % 1000 / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// `2026-03-01 12:00:05 UTC`.
pub(super) fn time(milliseconds: u64) -> String {
    at(milliseconds, "%Y-%m-%d %H:%M:%S UTC")
}

/// As Spark's REST API has it: `2026-03-01T12:00:05.250GMT`.
pub(super) fn spark_time(milliseconds: u64) -> String {
    at(milliseconds, "%Y-%m-%dT%H:%M:%S%.3fGMT")
}

fn at(milliseconds: u64, form: &str) -> String {
    let time = Timestamp::from_millisecond(milliseconds as i64).unwrap_or_default();
    time.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_readable() {
        let sizes = [0, 1023, 1024, 1_048_575, 1 << 20, 3 << 40, u64::MAX].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "1.0 MiB", "3.0 TiB", "16.0 EiB"]);
    }

    #[test]
    fn times_are_readable() {
        let times = [0, 999, 1_000, 59_999, 60_000, 3_599_999, 3_600_000, 90_000_000].map(duration);
        assert_eq!(times, ["0 ms", "999 ms", "1.0 s", "59.9 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "1 d 1 h"]);
        assert_eq!(time(1_772_366_405_250), "2026-03-01 12:00:05 UTC");
        assert_eq!(spark_time(1_772_366_405_250), "2026-03-01T12:00:05.250GMT");
    }
}
