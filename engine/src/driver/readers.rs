//! Counts the results that are being read: the last stage's files lie on its executors until the driver has read them, and
//! an executor that holds some must not leave before. It wraps what a session plans, refuses what executors cannot see, and
//! changes nothing else.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ballista_scheduler::scheduler_server::timestamp_millis;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use datafusion::prelude::SessionContext;
use futures::StreamExt;

use super::visible;

/// Results that are being read.
#[derive(Clone, Debug, Default)]
pub(super) struct Readers(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    /// When each reader began, in milliseconds since the epoch, as Ballista counts.
    since: BTreeMap<u64, u64>,
    last: u64,
}

impl Readers {
    /// When the oldest of them began; `None` while nobody reads.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).since.values().min().copied()
    }

    /// A session whose results are counted while they are read.
    pub(super) fn follow(&self, context: &SessionContext) -> SessionContext {
        let state = context.state();
        let planner = Planner { inner: state.query_planner().clone(), readers: self.clone() };
        let state = SessionStateBuilder::new_from_existing(state).with_query_planner(Arc::new(planner)).build();
        SessionContext::new_with_state(state)
    }

    fn open(&self) -> Reader {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.last += 1;
        let number = open.last;
        open.since.insert(number, timestamp_millis());
        Reader { readers: self.clone(), number }
    }
}

/// One result, until it is read or given up.
struct Reader {
    readers: Readers,
    number: u64,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.readers.0.lock().unwrap_or_else(PoisonError::into_inner).since.remove(&self.number);
    }
}

struct Planner {
    inner: Arc<dyn QueryPlanner + Send + Sync>,
    readers: Readers,
}

impl fmt::Debug for Planner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        visible::check(plan)?;
        let plan = self.inner.create_physical_plan(plan, session).await?;
        Ok(Arc::new(Followed { plan, readers: self.readers.clone() }))
    }
}

/// A plan whose result counts as being read from its start until its stream is dropped.
#[derive(Debug)]
struct Followed {
    plan: Arc<dyn ExecutionPlan>,
    readers: Readers,
}

impl DisplayAs for Followed {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.plan.fmt_as(kind, f)
    }
}

impl ExecutionPlan for Followed {
    fn name(&self) -> &str {
        self.plan.name()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    /// A leaf for whoever looks from outside: what is behind it was planned already.
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.plan.apply_expressions(visit)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let reader = self.readers.open();
        let rows = self.plan.execute(partition, context)?;
        let schema = rows.schema();
        let rows = rows.inspect(move |_| {
            let _until_dropped = &reader;
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.plan.metrics()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::physical_plan::execute_stream;

    use super::*;

    #[tokio::test]
    async fn a_result_counts_until_its_stream_is_dropped() {
        let readers = Readers::default();
        let context = readers.follow(&SessionContext::new());
        let frame = context.sql("SELECT 1 AS a").await.expect("plan");
        let plan = frame.clone().create_physical_plan().await.expect("plan");
        assert_eq!(readers.oldest(), None);
        let mut rows = execute_stream(plan, frame.task_ctx().into()).expect("stream");
        assert!(readers.oldest().is_some());
        while rows.next().await.is_some() {
            assert!(readers.oldest().is_some());
        }
        drop(rows);
        assert_eq!(readers.oldest(), None);
    }
}
