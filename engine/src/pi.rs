//! The built-in job that estimates pi: seeded points, counted by a function on the executors, one task a partition. For
//! the same number of partitions the answer is always the same.

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result as PlanResult;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use tracing::info;

use crate::{Error, Result, Session};

const POINTS_PER_PARTITION: u64 = 1_000_000;
/// All partitions together, as Spark's own job has a limit: more partitions than 200 get fewer points each.
const MOST_POINTS: u64 = 200_000_000;
/// More make no better estimate, and a plan of that many parts takes long to make.
const MAX_PARTITIONS: u64 = 1_000;

/// Estimates pi with as many partitions as the first argument says, else with two.
pub(crate) async fn run(session: &Session) -> Result<()> {
    let partitions = partitions(session.arguments())?;
    let each = points_of_each(partitions);
    info!(partitions, points = partitions * each, "estimates pi");
    // Each arm of the union is a partition; without the limit an executor would take several as one task.
    session.sql("SET ballista.scheduler.max_partitions_per_task = 1").await?;
    let arms = (0..partitions).map(|seed| format!("SELECT onager_pi_hits({seed}, {each}) AS hits"));
    let arms = arms.collect::<Vec<_>>().join(" UNION ALL ");
    let points = (partitions * each) as f64;
    let frame = session.sql(&format!("SELECT 4.0 * sum(hits) / {points:?} AS pi FROM ({arms})")).await?;
    let head = crate::table::run(&frame).await?;
    let preview = head.preview(1)?;
    let pi = preview.rows.first().and_then(|row| row.first()).cloned().unwrap_or_default();
    let line = format!("Pi is roughly {pi}");
    println!("{line}");
    session.set_result(line);
    Ok(())
}

fn partitions(arguments: &[String]) -> Result<u64> {
    let Some(text) = arguments.first() else {
        return Ok(2);
    };
    match text.trim().parse() {
        Ok(count @ 1_u64..) => {
            if count > MAX_PARTITIONS {
                info!(asked = count, "more partitions make no better estimate: {MAX_PARTITIONS} are computed");
            }
            Ok(count.min(MAX_PARTITIONS))
        }
        _ => {
            Err(Error::bad_input(format!("the number of partitions must be a whole number above zero, not \"{text}\"")))
        }
    }
}

fn points_of_each(partitions: u64) -> u64 {
    (MOST_POINTS / partitions).clamp(1, POINTS_PER_PARTITION)
}

/// `onager_pi_hits(seed, points)`: how many of a partition's points fall into the quarter circle.
pub(crate) fn hits() -> ScalarUDF {
    let count = |arguments: &[ColumnarValue]| -> PlanResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let (seeds, points) = (arrays[0].as_primitive::<Int64Type>(), arrays[1].as_primitive::<Int64Type>());
        let pairs = seeds.iter().zip(points);
        let hits: Int64Array = pairs
            .map(|(seed, points)| Some(hits_of(seed? as u64, points?.clamp(0, MOST_POINTS as i64) as u64) as i64))
            .collect();
        Ok(ColumnarValue::Array(std::sync::Arc::new(hits) as ArrayRef))
    };
    // It is deterministic; called volatile, the planner leaves it to the executors instead of folding it.
    create_udf(
        "onager_pi_hits",
        vec![DataType::Int64, DataType::Int64],
        DataType::Int64,
        Volatility::Volatile,
        std::sync::Arc::new(count),
    )
}

fn hits_of(seed: u64, points: u64) -> u64 {
    let mut state = seed.wrapping_mul(0xD1B5_4A32_D192_ED03).wrapping_add(1);
    let mut coordinate = move || {
        // SplitMix64: small, and good enough for points in a square.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..points).filter(|_| coordinate().powi(2) + coordinate().powi(2) < 1.0).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_give_pi_and_the_same_each_time() {
        let points = 200_000;
        let pi = 4.0 * hits_of(1, points) as f64 / points as f64;
        assert!((pi - std::f64::consts::PI).abs() < 0.02, "{pi}");
        assert_eq!(hits_of(1, points), hits_of(1, points));
        assert_ne!(hits_of(1, points), hits_of(2, points));
    }

    #[test]
    fn many_partitions_share_the_points() {
        assert_eq!(points_of_each(1), POINTS_PER_PARTITION);
        assert_eq!(points_of_each(200), POINTS_PER_PARTITION);
        assert_eq!(points_of_each(MAX_PARTITIONS) * MAX_PARTITIONS, MOST_POINTS);
    }

    #[test]
    fn partitions_are_checked() {
        assert_eq!(partitions(&[]).expect("default"), 2);
        assert_eq!(partitions(&["10".into()]).expect("ten"), 10);
        assert_eq!(partitions(&["5000".into()]).expect("many"), MAX_PARTITIONS);
        for wrong in ["0", "-1", "many"] {
            assert!(partitions(&[wrong.into()]).is_err(), "{wrong}");
        }
    }
}
