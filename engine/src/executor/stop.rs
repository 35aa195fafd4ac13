//! A task that is cancelled ends soon. Ballista drops what waits for a task, while what drives its plan goes on by itself to
//! the task's end, and keeps a core for as long. Here the streams of a plan ask, batch by batch, whether anybody still waits.
//! It changes neither a plan nor what comes out of it.

use std::fmt::{self, Debug, Display, Formatter};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::serde::protobuf::{RuntimeStatsReport, ShuffleWritePartition, TaskColumnStats, WindowStateReport};
use ballista_executor::execution_engine::{DefaultExecutionEngine, ExecutionEngine, QueryStageExecutor};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use datafusion::prelude::SessionConfig;
use futures::{Stream, StreamExt};

use super::pool::Pool;

/// Ballista's engine, with tasks that end when they are cancelled.
pub(super) struct Engine(DefaultExecutionEngine);

impl Engine {
    pub(super) fn new() -> Self {
        Self(DefaultExecutionEngine::with_client_pool(Arc::new(Pool::default())))
    }
}

impl ExecutionEngine for Engine {
    fn create_query_stage_exec(
        &self,
        job_id: JobId,
        stage_id: usize,
        task_id: usize,
        global_output_partition_ids: Vec<usize>,
        plan: Arc<dyn ExecutionPlan>,
        work_dir: &str,
        config: &SessionConfig,
    ) -> Result<Arc<dyn QueryStageExecutor>> {
        let stop = Arc::new(AtomicBool::new(false));
        let plan = stoppable(plan, &stop)?;
        let outputs = global_output_partition_ids;
        let inner = self.0.create_query_stage_exec(job_id, stage_id, task_id, outputs, plan, work_dir, config)?;
        Ok(Arc::new(Stage { inner, stop }))
    }
}

/// Where two inputs meet, few batches may become many before anybody looks at an input again: those ask, and the last.
fn stoppable(plan: Arc<dyn ExecutionPlan>, stop: &Arc<AtomicBool>) -> Result<Arc<dyn ExecutionPlan>> {
    let wrapped = |inner| -> Arc<dyn ExecutionPlan> { Arc::new(Stoppable { inner, stop: stop.clone() }) };
    let plan = plan.transform_up(|node| match node.children().len() {
        0 | 1 => Ok(Transformed::no(node)),
        _ => Ok(Transformed::yes(wrapped(node))),
    })?;
    // The root is the writer of the task's output.
    let inputs: Vec<_> = plan.data.children().into_iter().cloned().map(wrapped).collect();
    plan.data.replace_children(inputs, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
}

/// A task; nobody waits for it any more when its future is dropped.
#[derive(Debug)]
struct Stage {
    inner: Arc<dyn QueryStageExecutor>,
    stop: Arc<AtomicBool>,
}

/// Stops what it belongs to when it is dropped.
struct Waits(Arc<AtomicBool>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[async_trait]
impl QueryStageExecutor for Stage {
    async fn execute_query_stage(
        &self,
        task_id: usize,
        context: Arc<TaskContext>,
    ) -> Result<Vec<ShuffleWritePartition>> {
        let _waits = Waits(self.stop.clone());
        self.inner.execute_query_stage(task_id, context).await
    }

    fn collect_plan_metrics(&self) -> Vec<MetricsSet> {
        self.inner.collect_plan_metrics()
    }

    fn collect_runtime_stats_reports(&self) -> Vec<RuntimeStatsReport> {
        self.inner.collect_runtime_stats_reports()
    }

    fn collect_window_state_reports(&self) -> Result<Vec<WindowStateReport>> {
        self.inner.collect_window_state_reports()
    }

    fn collect_column_stats(&self) -> Vec<TaskColumnStats> {
        self.inner.collect_column_stats()
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.inner, f)
    }
}

/// A node of a plan; to whoever asks what it is, it is the node inside.
#[derive(Debug)]
struct Stoppable {
    inner: Arc<dyn ExecutionPlan>,
    stop: Arc<AtomicBool>,
}

impl DisplayAs for Stoppable {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut Formatter<'_>) -> fmt::Result {
        self.inner.fmt_as(kind, f)
    }
}

impl ExecutionPlan for Stoppable {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn downcast_delegate(&self) -> Option<&dyn ExecutionPlan> {
        Some(self.inner.as_ref())
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.inner.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inner.children()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.inner.maintains_input_order()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let inner = self.inner.clone().replace_children(children, options)?;
        Ok(Arc::new(Self { inner, stop: self.stop.clone() }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let inner = self.inner.execute(partition, context)?;
        // A thread that never pauses would not hear that it is to stop.
        Ok(Box::pin(Asking { inner: make_cooperative(inner), stop: self.stop.clone() }))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.inner.metrics()
    }
}

struct Asking {
    inner: SendableRecordBatchStream,
    stop: Arc<AtomicBool>,
}

impl Stream for Asking {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.stop.load(Ordering::Acquire) {
            return Poll::Ready(Some(Err(DataFusionError::Execution("the task was cancelled".into()))));
        }
        self.inner.poll_next_unpin(context)
    }
}

impl RecordBatchStream for Asking {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ballista_core::execution_plans::ShuffleWriterExec;
    use datafusion::prelude::SessionContext;
    use futures::future::abortable;

    use super::*;

    /// A join of so many rows that no test would see its end, below an aggregate, which gives nothing before.
    async fn endless() -> Arc<dyn ExecutionPlan> {
        let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
        let query =
            "SELECT count(*) FROM range(1, 10000000) a CROSS JOIN range(1, 10000000) b WHERE a.value + b.value <> 3";
        session.sql(query).await.expect("query").create_physical_plan().await.expect("plan")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_task_that_is_cancelled_leaves_nothing_that_works() {
        let (folder, config) = (std::env::temp_dir().join("onager-stop"), SessionConfig::new());
        let folder = folder.to_string_lossy().into_owned();
        let writer =
            ShuffleWriterExec::try_new(JobId::from("job"), 1, endless().await, folder.clone()).expect("writer");
        let stage = Engine::new()
            .create_query_stage_exec(JobId::from("job"), 1, 0, vec![0], Arc::new(writer), &folder, &config)
            .expect("stage");
        let context = SessionContext::new().task_ctx();
        let idle = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let (task, cancel) = abortable(async move { stage.execute_query_stage(0, context).await });
        let task = tokio::spawn(task);
        let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        while alive() < idle + 2 {
            tokio::task::yield_now().await;
        }
        cancel.abort();
        assert!(task.await.expect("it does not panic").is_err(), "it was cancelled");
        while alive() > idle {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
