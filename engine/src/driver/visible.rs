//! Finds what executors cannot see in a plan before it is sent to them: rows that exist in the driver alone. Otherwise the
//! answer would be an error about encoding.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, plan_err};
use datafusion::datasource::{MemTable, source_as_provider};
use datafusion::functions_table::generate_series::GenerateSeriesTable;
use datafusion::logical_expr::LogicalPlan;

/// Fails with a reason where a plan reads such rows.
pub(super) fn check(plan: &LogicalPlan) -> Result<()> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let table = source_as_provider(&scan.source)?;
            if table.is::<GenerateSeriesTable>() {
                found = Some(
                    "generate_series and range make their rows in the driver, where executors cannot see them: use VALUES, \
                     or a table of files"
                        .to_string(),
                );
            } else if table.is::<MemTable>() {
                found = Some(format!(
                    "table {} is in the driver's memory, where executors cannot see it: write it with COPY ... TO, and \
                     then CREATE EXTERNAL TABLE",
                    scan.table_name
                ));
            }
        }
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    match found {
        Some(reason) => plan_err!("{reason}"),
        None => Ok(()),
    }
}
