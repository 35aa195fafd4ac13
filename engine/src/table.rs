//! Runs a query and keeps its first rows: all rows are counted, few are held, so a result of any size passes through a
//! driver of any size. When an executor that held the result is lost before it was read, the query runs again.

use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::arrow::util::pretty::pretty_format_batches_with_schema;
use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use onager_contract::Preview;
use tracing::warn;

use crate::{Error, Result};

/// Rows of a printed table.
pub(crate) const PRINTED_ROWS: usize = 1000;

const ATTEMPTS: u32 = 4;

/// The first rows of a result and how many there are in all.
pub(crate) struct Head {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    pub rows: u64,
}

/// Runs `frame` to its end.
pub(crate) async fn run(frame: &DataFrame) -> Result<Head> {
    let mut attempt = 1;
    loop {
        match run_once(frame).await {
            Err(Failed::Running(error)) if attempt < ATTEMPTS && is_lost_result(&error) => {
                warn!(
                    attempt,
                    "a result was lost with its executor; running the statement again: {}",
                    error.strip_backtrace()
                );
                tokio::time::sleep(Duration::from_millis(500)).await;
                attempt += 1;
            }
            Err(Failed::Running(error)) => return Err(Error::running(&error)),
            Err(Failed::Planning(error)) => return Err(Error::planning(&error)),
            Ok(head) => return Ok(head),
        }
    }
}

enum Failed {
    Planning(DataFusionError),
    Running(DataFusionError),
}

async fn run_once(frame: &DataFrame) -> std::result::Result<Head, Failed> {
    let plan = frame.clone().create_physical_plan().await.map_err(Failed::Planning)?;
    let mut stream = execute_stream(plan, frame.task_ctx().into()).map_err(Failed::Running)?;
    let mut head = Head { schema: stream.schema(), batches: Vec::new(), rows: 0 };
    let mut kept = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(Failed::Running)?;
        head.rows += batch.num_rows() as u64;
        let take = batch.num_rows().min(PRINTED_ROWS - kept);
        if take > 0 {
            kept += take;
            head.batches.push(batch.slice(0, take));
        }
    }
    Ok(head)
}

/// A finished job's rows lie on its executors until they are read.
fn is_lost_result(error: &DataFusionError) -> bool {
    let text = error.to_string();
    let marks = [
        "FetchFailed",
        "Fetch",
        "GrpcConnection",
        "GrpcConnectionError",
        "transport error",
        "tcp connect error",
        "h2 protocol error",
    ];
    !text.contains("Job ") && marks.iter().any(|mark| text.contains(mark))
}

impl Head {
    /// The rows as a table, with a line that says how many were left out.
    pub(crate) fn print(&self) -> Result<String> {
        let table = pretty_format_batches_with_schema(self.schema.clone(), &self.batches);
        let mut text = table.map_err(|error| Error::application(error.to_string()))?.to_string();
        let shown = self.batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
        if shown < self.rows {
            text.push_str(&format!("\n{shown} of {} rows", self.rows));
        }
        Ok(text)
    }

    /// The first `limit` rows as text.
    pub(crate) fn preview(&self, limit: usize) -> Result<Preview> {
        let columns = self.schema.fields().iter().map(|field| field.name().clone()).collect();
        let options = FormatOptions::default().with_null("");
        let mut rows = Vec::new();
        for batch in &self.batches {
            let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
            let formatters = formatters.collect::<std::result::Result<Vec<_>, _>>();
            let formatters = formatters.map_err(|error| Error::application(error.to_string()))?;
            for row in 0..batch.num_rows().min(limit - rows.len()) {
                rows.push(formatters.iter().map(|column| column.value(row).to_string()).collect());
            }
        }
        Ok(Preview { columns, rows })
    }

    /// The number in a result of one row and one column: how many rows a write wrote.
    pub(crate) fn count(&self) -> Option<u64> {
        let preview = self.preview(1).ok()?;
        preview.rows.first()?.first()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn head(sql: &str) -> Head {
        let context = SessionContext::new();
        run(&context.sql(sql).await.expect("plan")).await.expect("rows")
    }

    #[tokio::test]
    async fn all_rows_are_counted_and_few_are_kept() {
        let head = head("SELECT value FROM generate_series(1, 2500)").await;
        assert_eq!(head.rows, 2500);
        assert!(head.print().expect("table").ends_with("1000 of 2500 rows"));
        assert_eq!(head.preview(3).expect("preview").rows, [["1"], ["2"], ["3"]]);
    }

    #[tokio::test]
    async fn nulls_are_empty() {
        let preview = head("SELECT 1 AS a, NULL AS b").await.preview(9).expect("preview");
        assert_eq!(preview.columns, ["a", "b"]);
        assert_eq!(preview.rows, [["1", ""]]);
    }
}
