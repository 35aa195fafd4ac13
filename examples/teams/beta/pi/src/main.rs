//! Estimates pi with a function of its own on the executors: each of them counts points that fall into a circle.

use std::process::ExitCode;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType::Int64, Int64Type};
use datafusion::common::Result as UdfResult;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};

const POINTS: u64 = 1_000_000;

fn main() -> ExitCode {
    // Volatile, or the planner would compute it before any executor sees it.
    let hits = create_udf("hits", vec![Int64], Int64, Volatility::Volatile, Arc::new(hits));
    onager::Application::new().with_udf(hits).run(estimate)
}

async fn estimate(session: onager::Session) -> onager::Result<()> {
    let parts = session.arguments().first().map_or(Ok(4), |text| text.parse::<u64>());
    let parts = parts.map_err(|error| onager::Error::bad_input(format!("number of parts: {error}")))?;

    let counts: Vec<_> = (0..parts).map(|part| format!("SELECT hits({part}) AS hits")).collect();
    let total = session.sql(&format!("SELECT sum(hits) AS hits FROM ({})", counts.join(" UNION ALL "))).await?;
    let total = total.collect().await?[0].column(0).as_primitive::<Int64Type>().value(0);

    let line = format!("Pi is roughly {:.6}", 4.0 * total as f64 / (parts * POINTS) as f64);
    println!("{line}");
    session.set_result(line);
    Ok(())
}

/// How many of a part's points fall into the circle. The R2 sequence spreads them evenly.
fn hits(arguments: &[ColumnarValue]) -> UdfResult<ColumnarValue> {
    let parts = ColumnarValue::values_to_arrays(arguments)?;
    let inside = |n: u64| {
        (n as f64 * 0.7548776662466927).fract().powi(2) + (n as f64 * 0.5698402909980532).fract().powi(2) < 1.0
    };
    let count = |part: i64| (1..=POINTS).filter(|n| inside(part as u64 * POINTS + n)).count() as i64;
    let hits: Int64Array = parts[0].as_primitive::<Int64Type>().iter().map(|part| part.map(count)).collect();
    Ok(ColumnarValue::Array(Arc::new(hits)))
}
