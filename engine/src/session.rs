//! What a job works with: SQL, DataFusion's own context, its arguments, and what it wants reported. A session neither
//! starts nor stops executors.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::SessionContext;

use crate::outcome::{Outcome, PREVIEW_ROWS, Recorder};
use crate::overrides::files_dir;
use crate::stores::Stores;
use crate::{Error, Result, table};

/// A job's way to the engine. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
    arguments: Arc<[String]>,
    recorder: Arc<Recorder>,
    stores: Arc<Stores>,
}

impl Session {
    pub(crate) fn new(context: SessionContext, arguments: &[String], stores: Arc<Stores>) -> Self {
        Self { context, arguments: arguments.into(), recorder: Arc::default(), stores }
    }

    /// Plans one statement. A query runs when its frame is shown, collected or written; a definition takes effect at once.
    pub async fn sql(&self, sql: &str) -> Result<DataFrame> {
        let planned = self.context.state().create_logical_plan(sql).await;
        self.frame(planned.map_err(|error| Error::planning(&error))?).await
    }

    /// DataFusion's context, for everything SQL does not say.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// The application's arguments.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Where a file of `spec.deps` is, in the driver and in every executor, as Spark's `SparkFiles.get` tells it.
    pub fn file(&self, name: &str) -> PathBuf {
        files_dir().join(name)
    }

    /// The result in one line, for the summary.
    pub fn set_result(&self, line: impl Into<String>) {
        let line = line.into();
        self.recorder.change(|outcome| outcome.result = Some(line));
    }

    /// Runs a frame, prints its first thousand rows, and puts the first few into the summary. Returns how many rows there
    /// were.
    pub async fn show(&self, frame: DataFrame) -> Result<u64> {
        let head = table::run(&frame).await?;
        let (text, preview) = (head.print()?, head.preview(PREVIEW_ROWS)?);
        println!("{text}");
        self.recorder.change(|outcome| {
            outcome.preview = Some(preview);
            outcome.rows = head.rows;
        });
        Ok(head.rows)
    }

    pub(crate) async fn frame(&self, plan: LogicalPlan) -> Result<DataFrame> {
        refuse_tables_in_memory(&plan)?;
        self.recorder.change(|outcome| outcome.statements += 1);
        self.context.execute_logical_plan(plan).await.map_err(|error| Error::planning(&error))
    }

    pub(crate) fn stores(&self) -> &Stores {
        &self.stores
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.recorder.snapshot()
    }
}

/// A table in the driver's memory is not there for its executors.
fn refuse_tables_in_memory(plan: &LogicalPlan) -> Result<()> {
    match plan {
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(_)) => Err(Error::bad_input(
            "CREATE TABLE is not supported: executors cannot see a table in the driver's memory. Use CREATE VIEW, or \
             COPY ... TO and then CREATE EXTERNAL TABLE",
        )),
        _ => Ok(()),
    }
}
