//! The duration of `@every 1h30m`, in Go's notation, which the Kubeflow operator reads.

/// Units and their nanoseconds.
const UNITS: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];
/// A century of seconds: beyond that a timer means nothing.
const MOST: f64 = 100.0 * 366.0 * 86_400.0;

/// Whole seconds of a duration such as `90s`, `1h30m` or `1.5h`.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn seconds(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is not a duration: write it like 30s, 5m or 1h30m");
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, after) = rest.split_at(end);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, nanoseconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        sum += number * nanoseconds;
        rest = after;
    }
    if text.is_empty() {
        return Err(wrong());
    }
    let seconds = (sum / 1e9).floor();
    if !(1.0..=MOST).contains(&seconds) {
        return Err(format!("{text:?} is out of range: it must be at least 1s and at most a century"));
    }
    Ok(seconds as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_does() {
        for (text, wanted) in
            [("5s", 5), ("1h30m", 5400), ("1.5h", 5400), ("1m0.5s", 60), ("1500ms", 1), ("24h", 86_400)]
        {
            assert_eq!(seconds(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "5", "s", "-5s", "5 s", "1d", "1h-5m", "1..5s", "999ms", "0s", "99999999h", "1e3s"] {
            assert!(seconds(text).is_err(), "{text:?}");
        }
    }
}
