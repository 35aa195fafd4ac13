//! Keeps rows in order where Ballista would lose it: DataFusion may rely on a repartition that merges sorted inputs, and
//! Ballista puts a shuffle in its place, which does not. Such a repartition is followed by a sort here. It changes nothing else.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// The last rule of the scheduler's optimizer.
#[derive(Debug)]
pub(crate) struct SortAfterShuffle;

impl PhysicalOptimizerRule for SortAfterShuffle {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| match (node.downcast_ref::<RepartitionExec>(), node.output_ordering()) {
            (Some(repartition), Some(order)) if repartition.preserve_order() => {
                let shuffle =
                    RepartitionExec::try_new(repartition.input().clone(), repartition.partitioning().clone())?;
                let sort = SortExec::new(order.clone(), Arc::new(shuffle)).with_preserve_partitioning(true);
                Ok(Transformed::yes(Arc::new(sort) as _))
            }
            _ => Ok(Transformed::no(node)),
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "SortAfterShuffle"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
