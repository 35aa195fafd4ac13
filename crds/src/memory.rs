//! Amounts of memory in Spark's notation (`512m`, `4g`, case and a final `b` without meaning) and in Kubernetes' (`512Mi`,
//! `4Gi`). Both are powers of 1024, as in Spark's configuration page; a number without a unit is refused, since Spark
//! would read mebibytes and Kubernetes bytes.

use thiserror::Error;

/// Why an amount of memory cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MemoryError {
    /// No number, or an unknown unit.
    #[error("{0:?} is not an amount of memory: write it like 512m, 4g, 512Mi or 4Gi")]
    Notation(String),
    /// A number alone.
    #[error("{0:?} has no unit: write it like 512m, 4g, 512Mi or 4Gi")]
    NoUnit(String),
    /// Zero, or more than 2^53 bytes.
    #[error("{0:?} is out of range: it must be above zero and at most 8192t")]
    Range(String),
}

/// 8 PiB: beyond any machine, and exact in a double.
const MOST: f64 = (1_u64 << 53) as f64;

/// Bytes of an amount such as `512m`, `1.5g` or `4Gi`, rounded up.
///
/// # Errors
/// See [`MemoryError`].
pub fn parse_memory(text: &str) -> Result<u64, MemoryError> {
    let notation = || MemoryError::Notation(text.to_string());
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let amount: f64 = number.parse().map_err(|_| notation())?;
    if unit.is_empty() {
        return Err(MemoryError::NoUnit(text.to_string()));
    }
    let power = match unit {
        "Ki" => 1,
        "Mi" => 2,
        "Gi" => 3,
        "Ti" => 4,
        "Pi" => 5,
        _ => match unit.to_ascii_lowercase().as_str() {
            "b" => 0,
            "k" | "kb" => 1,
            "m" | "mb" => 2,
            "g" | "gb" => 3,
            "t" | "tb" => 4,
            "p" | "pb" => 5,
            _ => return Err(notation()),
        },
    };
    let bytes = (amount * 1024_f64.powi(power)).ceil();
    if !(1.0..=MOST).contains(&bytes) {
        return Err(MemoryError::Range(text.to_string()));
    }
    Ok(bytes as u64)
}

/// Bytes of a memory overhead: as [`parse_memory`], but a number alone is in mebibytes, as Spark has it for this field.
///
/// # Errors
/// See [`MemoryError`].
pub fn parse_overhead(text: &str) -> Result<u64, MemoryError> {
    match parse_memory(text) {
        Err(MemoryError::NoUnit(_)) => parse_memory(&format!("{text}m")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_notations_are_read() {
        for (text, bytes) in [
            ("512m", 512 << 20),
            ("512Mi", 512 << 20),
            ("4g", 4 << 30),
            ("4G", 4 << 30),
            ("4gb", 4 << 30),
            ("1.5Gi", 3 << 29),
            ("1k", 1024),
            ("1024b", 1024),
            ("1p", 1 << 50),
        ] {
            assert_eq!(parse_memory(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn an_overhead_without_a_unit_is_in_mebibytes() {
        assert_eq!(parse_overhead("512"), Ok(512 << 20));
        assert_eq!(parse_overhead("1g"), Ok(1 << 30));
        assert!(parse_overhead("0").is_err() && parse_overhead("x").is_err());
    }

    #[test]
    fn nonsense_is_refused_with_what_would_be_right() {
        let text = parse_memory("12potatoes").expect_err("refused").to_string();
        assert_eq!(text, "\"12potatoes\" is not an amount of memory: write it like 512m, 4g, 512Mi or 4Gi");
        for text in ["", "g", "-1g", "1.2.3g", "4Xi", "1 g"] {
            assert!(matches!(parse_memory(text), Err(MemoryError::Notation(_))), "{text:?}");
        }
        assert!(matches!(parse_memory("512"), Err(MemoryError::NoUnit(_))));
        for text in ["0g", "0.0m", "9999999999t"] {
            assert!(matches!(parse_memory(text), Err(MemoryError::Range(_))), "{text}");
        }
    }
}
