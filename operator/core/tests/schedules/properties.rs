//! What a schedule promises, in any order of events.

use jiff::SignedDuration;
use onager_crds::ConcurrencyPolicy;
use proptest::prelude::*;

use super::world::{Step, World};

const SCHEDULES: &[&str] = &["@every 7s", "@every 1m", "* * * * *", "*/2 * * * *", "17 3 * * *", "never", "@every 0s"];
const POLICIES: &[ConcurrencyPolicy] =
    &[ConcurrencyPolicy::Allow, ConcurrencyPolicy::Forbid, ConcurrencyPolicy::Replace];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let run = 0..6_usize;
    let step = prop_oneof![
        6 => Just(Step::Reconcile { writes: usize::MAX }),
        4 => (0..4_usize).prop_map(|writes| Step::Reconcile { writes }),
        2 => (0..4_usize).prop_map(|versions| Step::Stale { versions }),
        2 => Just(Step::Commits),
        6 => (0..90_i64).prop_map(Step::Seconds),
        1 => (0..400_000_i64).prop_map(Step::Away),
        1 => (1..200_i64).prop_map(Step::Back),
        4 => (run.clone(), any::<bool>()).prop_map(|(run, well)| Step::Ends { run, well }),
        1 => run.clone().prop_map(Step::Deleted),
        3 => run.clone().prop_map(Step::Gone),
        3 => run.prop_map(Step::DriverGone),
        1 => prop::sample::select(SCHEDULES).prop_map(Step::Schedule),
        1 => any::<bool>().prop_map(Step::Suspend),
        1 => (0..4_i32).prop_map(Step::History),
        1 => prop::option::of(1..100_i64).prop_map(Step::Deadline),
        1 => any::<bool>().prop_map(Step::Held),
        1 => Just(Step::Refused),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    // Some 10^5 events.
    #![proptest_config(ProptestConfig { cases: 2_500, ..ProptestConfig::default() })]

    #[test]
    fn promises_are_kept_in_any_order_of_events(
        steps in steps(),
        policy in prop::sample::select(POLICIES),
    ) {
        let mut world = World::new("* * * * *", policy);
        for step in steps {
            world.step(step);
        }
        world.comes_to_rest();
        world.keeps_its_promises();
    }

    #[test]
    fn after_any_downtime_one_run_at_the_most_is_made_up_for(downtime in 0..50_000_000_i64) {
        let mut world = World::new("* * * * *", ConcurrencyPolicy::Allow);
        world.comes_to_rest();
        world.now += SignedDuration::from_secs(downtime);
        world.comes_to_rest();
        prop_assert!(world.made.len() <= 1, "{:?}", world.names());
        prop_assert_eq!(world.made.len() == 1, downtime >= 40, "the first is due after 40 s");
        let latest = world.names().last().map(|due| downtime - due);
        prop_assert!(latest.is_none_or(|late| (0..60).contains(&late)), "{latest:?}");
    }
}
