//! Gives a write into a folder one file with a fixed name. A task that runs twice because its executor was lost then
//! writes the same object again instead of a second one. Writes with partition columns keep DataFusion's names.

use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::dml::CopyTo;

/// Turns `COPY ... TO 'folder/'` into a write of `folder/part-00000-<mark>-<line>.<ext>`; other plans stay as they are.
pub(crate) fn with_fixed_name(plan: LogicalPlan, mark: &str, line: u64) -> LogicalPlan {
    match plan {
        LogicalPlan::Copy(copy) if copy.partition_by.is_empty() && is_folder(&copy.output_url) => {
            let folder = copy.output_url.trim_end_matches('/');
            let output_url = format!("{folder}/part-00000-{mark}-{line}.{}", copy.file_type.get_ext());
            LogicalPlan::Copy(CopyTo { output_url, ..copy })
        }
        plan => plan,
    }
}

/// Where a write goes to.
pub(crate) fn target(plan: &LogicalPlan) -> Option<&str> {
    match plan {
        LogicalPlan::Copy(copy) => Some(&copy.output_url),
        _ => None,
    }
}

/// The same rule as DataFusion's: a name with an extension is a file.
fn is_folder(url: &str) -> bool {
    let last = url.rsplit('/').next().unwrap_or_default();
    last.is_empty() || !last.contains('.')
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn written_to(sql: &str) -> String {
        let context = SessionContext::new();
        let plan = context.state().create_logical_plan(sql).await.expect("plan");
        target(&with_fixed_name(plan, "app", 7)).expect("a write").to_string()
    }

    #[tokio::test]
    async fn a_folder_gets_one_named_file() {
        let sql = "COPY (SELECT 1 AS a) TO 's3a://out/day/' STORED AS PARQUET";
        assert_eq!(written_to(sql).await, "s3a://out/day/part-00000-app-7.parquet");
        let sql = "COPY (SELECT 1 AS a) TO 's3a://out/day' STORED AS CSV";
        assert_eq!(written_to(sql).await, "s3a://out/day/part-00000-app-7.csv");
    }

    #[tokio::test]
    async fn a_file_and_a_partitioned_write_keep_their_names() {
        assert_eq!(written_to("COPY (SELECT 1 AS a) TO 's3a://out/x.parquet'").await, "s3a://out/x.parquet");
        let sql = "COPY (SELECT 1 AS a, 2 AS b) TO 's3a://out/day/' STORED AS PARQUET PARTITIONED BY (b)";
        assert_eq!(written_to(sql).await, "s3a://out/day/");
    }
}
