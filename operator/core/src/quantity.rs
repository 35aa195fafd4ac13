//! Kubernetes' quantities (`250m`, `1.5Gi`, `1e3`) as whole numbers, and back as people write them. The notation is that of
//! apimachinery's `resource.Quantity`; what cannot be read is `None`, never a guess.

/// Thousandths of the unit, rounded up: millicores for CPU.
pub fn milli(text: &str) -> Option<u64> {
    scaled(text, 1000.0)
}

/// Whole units, rounded up: bytes for memory, pods for pods.
pub fn whole(text: &str) -> Option<u64> {
    scaled(text, 1.0)
}

fn scaled(text: &str, scale: f64) -> Option<u64> {
    let end = text
        .char_indices()
        .find(|&(at, c)| c.is_ascii_alphabetic() && !is_exponent(&text[at..]))
        .map_or(text.len(), |(at, _)| at);
    let (number, suffix) = text.split_at(end);
    let factor: f64 = match suffix {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024_f64.powi(2),
        "Gi" => 1024_f64.powi(3),
        "Ti" => 1024_f64.powi(4),
        "Pi" => 1024_f64.powi(5),
        "Ei" => 1024_f64.powi(6),
        _ => return None,
    };
    let value = number.parse::<f64>().ok()? * factor * scale;
    // Binary fractions are not exact: 0.1 * 1000 must not become 101.
    let nearest = value.round();
    let whole = if (value - nearest).abs() <= value * 1e-12 { nearest } else { value.ceil() };
    (whole.is_finite() && whole >= 0.0).then_some(whole as u64)
}

/// Whether this is the `e3` of `1e3`.
fn is_exponent(text: &str) -> bool {
    let rest = text.strip_prefix(['e', 'E']).unwrap_or_default();
    let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Millicores as people write them: `500m`, `2`.
pub fn show_cpu(milli: u64) -> String {
    if milli.is_multiple_of(1000) { (milli / 1000).to_string() } else { format!("{milli}m") }
}

/// Bytes in the largest binary unit that shows at most one decimal: `900Gi`, `1.4Gi`, `384Mi`.
pub fn show_memory(bytes: u64) -> String {
    for (unit, size) in [("Ti", 1_u64 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)] {
        if bytes >= size {
            let tenths = (bytes as f64 / size as f64 * 10.0).round() as u64;
            let (units, rest) = (tenths / 10, tenths % 10);
            return if rest == 0 { format!("{units}{unit}") } else { format!("{units}.{rest}{unit}") };
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suffix_is_read() {
        for (text, value) in
            [("250m", 250), ("2", 2000), ("0.1", 100), ("1.5", 1500), ("1e3", 1_000_000), ("1500u", 2), ("100n", 1)]
        {
            assert_eq!(milli(text), Some(value), "{text}");
        }
        for (text, value) in [
            ("1Gi", 1 << 30),
            ("1G", 1_000_000_000),
            ("24565128Ki", 24_565_128 << 10),
            ("110", 110),
            ("2E", 2_000_000_000_000_000_000),
        ] {
            assert_eq!(whole(text), Some(value), "{text}");
        }
    }

    #[test]
    fn nonsense_is_not_a_number() {
        for text in ["", "m", "1.2.3", "-1", "4potatoes", "1e", "NaN", "inf"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_read_well() {
        assert_eq!(show_cpu(500), "500m");
        assert_eq!(show_cpu(2000), "2");
        assert_eq!(show_memory(900 << 30), "900Gi");
        assert_eq!(show_memory(1_503_238_553), "1.4Gi");
        assert_eq!(show_memory(384 << 20), "384Mi");
    }
}
