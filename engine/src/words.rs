//! Numbers in sentences: `12,345`, `1 task`, `2 tasks`. Logs and pages have them from here.

/// `12,345`.
pub(crate) fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or_default().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 task`, `2 tasks`.
pub(crate) fn several(number: impl TryInto<u64>, one: &str) -> String {
    let number = number.try_into().unwrap_or_default();
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `is` or `are`.
pub(crate) fn are(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0_u64, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([several(1_u64, "task"), several(2_000_u64, "task")], ["1 task", "2,000 tasks"]);
        assert_eq!([are(1), are(2)], ["is", "are"]);
    }
}
