//! Gives a write into a folder one file with a fixed name. A task that runs twice because its executor was lost, and a
//! run that starts over, then write the same object again instead of a second one. What is written by partition columns,
//! and inserts into tables that are not Parquet, keep DataFusion's own names.

use datafusion::datasource::file_format::format_as_file_type;
use datafusion::datasource::listing::ListingTable;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::dml::{CopyTo, DmlStatement, InsertOp};
use datafusion::logical_expr::{LogicalPlan, WriteOp};
use std::collections::HashMap;
use std::sync::Arc;

/// The name of the file that the statement of this number writes; `mark` tells applications apart.
pub(crate) struct Name<'a> {
    pub mark: &'a str,
    pub number: usize,
}

impl Name<'_> {
    fn within(&self, folder: &str, extension: &str) -> String {
        let Self { mark, number } = self;
        format!("{}/part-00000-{mark}-{number}.{extension}", folder.trim_end_matches('/'))
    }
}

/// Turns `COPY ... TO 'folder/'` and `INSERT INTO` into a write of one named file; other plans stay as they are.
pub(crate) fn with_fixed_name(plan: LogicalPlan, name: &Name<'_>, state: &SessionState) -> LogicalPlan {
    match plan {
        LogicalPlan::Copy(copy) if copy.partition_by.is_empty() && is_folder(&copy.output_url) => {
            let output_url = name.within(&copy.output_url, &copy.file_type.get_ext());
            LogicalPlan::Copy(CopyTo { output_url, ..copy })
        }
        LogicalPlan::Dml(insert) => match as_copy(&insert, name, state) {
            Some(copy) => LogicalPlan::Copy(copy),
            None => LogicalPlan::Dml(insert),
        },
        plan => plan,
    }
}

/// Where a write goes to.
pub(crate) fn target(plan: &LogicalPlan) -> Option<String> {
    match plan {
        LogicalPlan::Copy(copy) => Some(copy.output_url.clone()),
        LogicalPlan::Dml(insert) => folder_of(insert).map(|(folder, _)| folder),
        _ => None,
    }
}

/// The same rule as DataFusion's: a name with an extension is a file.
fn is_folder(url: &str) -> bool {
    let last = url.rsplit('/').next().unwrap_or_default();
    last.is_empty() || !last.contains('.')
}

fn as_copy(insert: &DmlStatement, name: &Name<'_>, state: &SessionState) -> Option<CopyTo> {
    let (folder, extension) = folder_of(insert)?;
    let appends = matches!(insert.op, WriteOp::Insert(InsertOp::Append));
    if !appends || extension != "parquet" || !is_folder(&folder) {
        return None;
    }
    let file_type = format_as_file_type(state.get_file_format_factory(&extension)?);
    let input = Arc::clone(&insert.input);
    Some(CopyTo::new(input, name.within(&folder, &extension), Vec::new(), file_type, HashMap::new()))
}

/// The one folder of a table without partition columns, and the extension of its files.
fn folder_of(insert: &DmlStatement) -> Option<(String, String)> {
    let provider = source_as_provider(&insert.target).ok()?;
    let table = provider.downcast_ref::<ListingTable>()?;
    match table.table_paths().as_slice() {
        [folder] if table.options().table_partition_cols.is_empty() => {
            Some((folder.as_str().to_string(), table.options().format.get_ext()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn written_to(context: &SessionContext, sql: &str) -> String {
        let state = context.state();
        let plan = state.create_logical_plan(sql).await.expect("plan");
        let name = Name { mark: "app", number: 7 };
        target(&with_fixed_name(plan, &name, &state)).expect("a write")
    }

    #[tokio::test]
    async fn a_folder_gets_one_named_file() {
        let context = SessionContext::new();
        let sql = "COPY (SELECT 1 AS a) TO 's3a://out/day/' STORED AS PARQUET";
        assert_eq!(written_to(&context, sql).await, "s3a://out/day/part-00000-app-7.parquet");
        let sql = "COPY (SELECT 1 AS a) TO 's3a://out/day' STORED AS CSV";
        assert_eq!(written_to(&context, sql).await, "s3a://out/day/part-00000-app-7.csv");
    }

    #[tokio::test]
    async fn a_file_and_a_partitioned_write_keep_their_names() {
        let context = SessionContext::new();
        assert_eq!(written_to(&context, "COPY (SELECT 1 AS a) TO 's3a://out/x.parquet'").await, "s3a://out/x.parquet");
        let sql = "COPY (SELECT 1 AS a, 2 AS b) TO 's3a://out/day/' STORED AS PARQUET PARTITIONED BY (b)";
        assert_eq!(written_to(&context, sql).await, "s3a://out/day/");
    }

    #[tokio::test]
    async fn an_insert_into_parquet_gets_one_named_file() {
        let context = SessionContext::new();
        for (table, format) in [("p", "PARQUET"), ("c", "CSV")] {
            let sql =
                format!("CREATE EXTERNAL TABLE {table} (a INT) STORED AS {format} LOCATION 'file:///nowhere/{table}/'");
            context.sql(&sql).await.expect("table");
        }
        let written = written_to(&context, "INSERT INTO p SELECT 1").await;
        assert_eq!(written, "file:///nowhere/p/part-00000-app-7.parquet");
        assert_eq!(written_to(&context, "INSERT INTO c SELECT 1").await, "file:///nowhere/c/");
    }
}
