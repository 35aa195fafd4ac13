//! What each queue deserves: of each resource, what its parent has is poured to the children that want more, by weight, as
//! water fills vessels; what is guaranteed is a floor, what it wants and its capability a lid. Whole numbers, so that nobody
//! is wronged by rounding.

use super::{
    Amounts,
    tree::{NO_QUEUE, ROOT, Tree},
};

/// One vessel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How wide it is. At least 1.
    pub weight: u64,
    /// What it has in any case.
    pub floor: u64,
    /// What it holds at the most; at least the floor.
    pub lid: u64,
}

/// Pours `amount` into the parts. What is left when all are full is left over; where the floors are more than there is, all of
/// them give way alike.
pub fn pour(amount: u64, parts: &[Part]) -> Vec<u64> {
    let floors: u128 = parts.iter().map(|part| u128::from(part.floor)).sum();
    if floors > u128::from(amount) {
        let scaled: Vec<Part> =
            parts.iter().map(|part| Part { weight: part.floor.max(1), floor: 0, lid: part.floor }).collect();
        return pour(amount, &scaled);
    }
    // The level rises from one height, at which a vessel begins to fill or is full, to the next.
    let mut heights: Vec<(u64, u64, bool, usize)> = Vec::with_capacity(parts.len() * 2);
    for (index, part) in parts.iter().enumerate().filter(|(_, part)| part.lid > part.floor) {
        heights.push((part.floor, part.weight.max(1), false, index));
        heights.push((part.lid, part.weight.max(1), true, index));
    }
    let height = |a: &(u64, u64, bool, usize)| (u128::from(a.0), u128::from(a.1));
    heights.sort_by(|a, b| {
        let ((a_top, a_weight), (b_top, b_weight)) = (height(a), height(b));
        (a_top * b_weight).cmp(&(b_top * a_weight)).then(a.2.cmp(&b.2)).then(a.3.cmp(&b.3))
    });
    // At a level h the vessels hold `still` + h * `filling`.
    let (mut still, mut filling) = (floors, 0_u128);
    let amount = u128::from(amount);
    let mut level = None;
    for (top, weight, full, index) in &heights {
        let (top, weight) = (u128::from(*top), u128::from(*weight));
        // Whether the water ends below this height.
        let held = still.saturating_mul(weight).saturating_add(top.saturating_mul(filling));
        if filling > 0 && held >= amount * weight {
            level = Some((amount.saturating_sub(still), filling));
            break;
        }
        let part = &parts[*index];
        if *full {
            still += u128::from(part.lid);
            filling -= weight;
        } else {
            still -= u128::from(part.floor);
            filling += weight;
        }
    }
    let mut poured: Vec<u64> = match level {
        None => parts.iter().map(|part| part.lid.max(part.floor)).collect(),
        Some((water, width)) => parts
            .iter()
            .map(|part| {
                let share = water * u128::from(part.weight.max(1)) / width;
                u64::try_from(share).unwrap_or(u64::MAX).min(part.lid).max(part.floor)
            })
            .collect(),
    };
    if level.is_some() {
        let total: u128 = poured.iter().map(|amount| u128::from(*amount)).sum();
        let mut rest = amount.saturating_sub(total);
        for (share, part) in poured.iter_mut().zip(parts) {
            if rest > 0 && *share < part.lid {
                *share += 1;
                rest -= 1;
            }
        }
    }
    poured
}

/// What each queue of the tree deserves of `capacity`. `demand` is what the applications of each leaf use and want in all,
/// `usage` what is used, both by queue.
pub fn deserve(tree: &Tree, capacity: &Amounts, demand: &[Amounts], usage: &[Amounts]) -> Vec<Amounts> {
    let (floors, lids) = bounds(tree, demand, usage);
    let mut deserved = vec![Amounts::default(); tree.all.len()];
    deserved[ROOT] = capacity.clone();
    for queue in &tree.downwards {
        let children = &tree.all[*queue].children;
        let above = deserved[*queue].clone();
        for kind in 0..above.len() {
            let part = |child: &usize| Part {
                weight: tree.all[*child].spec.weight.max(1),
                floor: floors[*child].get(kind),
                lid: lids[*child].get(kind).max(floors[*child].get(kind)),
            };
            let parts: Vec<Part> = children.iter().map(part).collect();
            for (child, amount) in children.iter().zip(pour(above.get(kind), &parts)) {
                deserved[*child].set(kind, amount);
            }
        }
    }
    deserved
}

/// What each queue has in any case, and what it wants at the most.
fn bounds(tree: &Tree, demand: &[Amounts], usage: &[Amounts]) -> (Vec<Amounts>, Vec<Amounts>) {
    let mut lids: Vec<Amounts> = demand.to_vec();
    let mut floors = vec![Amounts::default(); tree.all.len()];
    for queue in tree.downwards.iter().rev().copied() {
        let own = &tree.all[queue];
        if queue == NO_QUEUE || own.fault.is_some() {
            // Nothing is taken back from it, and nothing poured.
            floors[queue] = usage[queue].clone();
            lids[queue] = usage[queue].clone();
        } else {
            lids[queue] = own.spec.capability.clamp(&lids[queue]);
            floors[queue] = own.guarantee.at_most(&lids[queue]).at_least(&own.fixed);
        }
        if queue != ROOT {
            let want = lids[queue].clone();
            lids[own.parent].add(&want, 1);
        }
    }
    (floors, lids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(weight: u64, floor: u64, lid: u64) -> Part {
        Part { weight, floor, lid }
    }

    #[test]
    fn siblings_that_want_more_share_by_weight() {
        assert_eq!(pour(12, &[part(1, 0, 100), part(2, 0, 100), part(3, 0, 100)]), [2, 4, 6]);
    }

    #[test]
    fn what_one_does_not_want_goes_to_the_others() {
        assert_eq!(pour(12, &[part(1, 0, 1), part(1, 0, 100), part(1, 0, 4)]), [1, 7, 4]);
        assert_eq!(pour(12, &[part(1, 0, 1), part(1, 0, 2)]), [1, 2], "the rest is left over");
    }

    #[test]
    fn a_guarantee_is_a_floor() {
        assert_eq!(pour(12, &[part(1, 8, 100), part(1, 0, 100), part(1, 0, 100)]), [8, 2, 2]);
    }

    #[test]
    fn guarantees_above_what_there_is_give_way_alike() {
        assert_eq!(pour(6, &[part(1, 8, 100), part(9, 4, 100)]), [4, 2]);
    }

    #[test]
    fn nothing_is_lost_by_rounding() {
        let poured = pour(10, &[part(1, 0, 100), part(1, 0, 100), part(1, 0, 100)]);
        assert_eq!(poured, [4, 3, 3]);
        assert_eq!(pour(u64::MAX, &[part(u64::MAX, 0, u64::MAX)]), [u64::MAX]);
    }
}
