//! How values are spread: what shows a skew. It knows no unit.

/// Five values of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spread {
    pub least: u64,
    pub quarter: u64,
    pub median: u64,
    pub three_quarters: u64,
    pub most: u64,
}

/// Of no values, all are 0.
pub(super) fn spread(mut values: Vec<u64>) -> Spread {
    values.sort_unstable();
    let at = |share: f64| quantile(&values, share);
    Spread { least: at(0.0), quarter: at(0.25), median: at(0.5), three_quarters: at(0.75), most: at(1.0) }
}

/// The value below which this share of sorted values lies.
pub(super) fn quantile(sorted: &[u64], share: f64) -> u64 {
    let last = sorted.len().saturating_sub(1);
    let at = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
    sorted.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_values_tell_a_skew() {
        let of = spread((1..=101).rev().collect());
        assert_eq!(of, Spread { least: 1, quarter: 26, median: 51, three_quarters: 76, most: 101 });
        assert_eq!(spread(vec![7]), Spread { least: 7, quarter: 7, median: 7, three_quarters: 7, most: 7 });
        assert_eq!(spread(Vec::new()), Spread::default());
    }
}
