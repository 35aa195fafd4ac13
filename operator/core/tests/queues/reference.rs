//! A slow model of fair shares that is plainly right: water is poured in drops, one after the other, to whoever stands lowest.

use onager_core::queue::deserve::{Part, pour};
use proptest::prelude::*;

use super::worlds::cases;

/// Each drop goes to the vessel that stands lowest and is not full; a floor is filled first.
fn drop_by_drop(amount: u64, parts: &[Part]) -> Vec<u64> {
    let mut poured: Vec<u64> = parts.iter().map(|part| part.floor).collect();
    let mut left = amount - poured.iter().sum::<u64>();
    while left > 0 {
        let open = (0..parts.len()).filter(|index| poured[*index] < parts[*index].lid);
        // The level after the drop, as a fraction: no vessel is raised above another that could have had it.
        let lowest = open.min_by(|a, b| {
            let after = |index: usize| (u128::from(poured[index] + 1), u128::from(parts[index].weight));
            let ((a_top, a_weight), (b_top, b_weight)) = (after(*a), after(*b));
            (a_top * b_weight).cmp(&(b_top * a_weight)).then(a.cmp(b))
        });
        let Some(lowest) = lowest else { break };
        poured[lowest] += 1;
        left -= 1;
    }
    poured
}

prop_compose! {
    fn part()(weight in 1..6_u64, floor in 0..20_u64, more in 0..60_u64) -> Part {
        Part { weight, floor, lid: floor + more }
    }
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn water_finds_the_level_that_drops_find(parts in proptest::collection::vec(part(), 1..7), more in 0..200_u64) {
        let amount = parts.iter().map(|part| part.floor).sum::<u64>() + more;
        let (fast, slow) = (pour(amount, &parts), drop_by_drop(amount, &parts));
        // Which of several gets the last drops is a matter of rounding.
        for (fast, slow) in fast.iter().zip(&slow) {
            prop_assert!(fast.abs_diff(*slow) <= parts.len() as u64, "{fast} and {slow}");
        }
        prop_assert_eq!(fast.iter().sum::<u64>(), slow.iter().sum::<u64>());
    }
}
