//! What a job works with: SQL, DataFusion's own context, its arguments, and what it wants reported. A session neither
//! starts nor stops executors.

use std::path::PathBuf;
use std::sync::Arc;

use ballista_core::config::BALLISTA_JOB_NAME;
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::SessionContext;

use crate::outcome::{Outcome, PREVIEW_ROWS, Recorder};
use crate::overrides::files_dir;
use crate::statements::{End, Statements};
use crate::stores::Stores;
use crate::{Error, Result, table};

/// A job's way to the engine. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
    arguments: Arc<[String]>,
    recorder: Arc<Recorder>,
    stores: Arc<Stores>,
    statements: Arc<Statements>,
}

impl Session {
    pub(crate) fn new(context: SessionContext, arguments: &[String], stores: Arc<Stores>) -> Self {
        let (recorder, statements) = (Arc::default(), Arc::default());
        Self { context, arguments: arguments.into(), recorder, stores, statements }
    }

    /// Plans one statement. A query runs when its frame is shown, collected or written; a definition takes effect at once.
    pub async fn sql(&self, sql: &str) -> Result<DataFrame> {
        let number = self.statements.begin(sql, None);
        let planned = self.context.state().create_logical_plan(sql).await;
        let frame = match planned {
            Ok(plan) => self.frame(plan, number).await,
            Err(error) => Err(Error::planning(&error)),
        };
        match &frame {
            Ok(frame) if is_empty(frame) => self.statements.end(number, End::Done(None)),
            Ok(_) => self.statements.leave_to_jobs(number),
            Err(error) => self.statements.end(number, End::Failed(error.to_string())),
        }
        frame
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

    /// Takes a definition into effect, and makes a frame of the rest; its jobs are known by the statement's number.
    pub(crate) async fn frame(&self, plan: LogicalPlan, number: u32) -> Result<DataFrame> {
        refuse_tables_in_memory(&plan)?;
        self.recorder.change(|outcome| outcome.statements += 1);
        let frame = self.context.execute_logical_plan(plan).await.map_err(|error| Error::planning(&error))?;
        let (mut state, plan) = frame.into_parts();
        let options = state.config_mut().options_mut();
        let entries = options.entries();
        let own = entries.iter().find(|entry| entry.key == BALLISTA_JOB_NAME).and_then(|entry| entry.value.clone());
        let name = job_name(number, own.as_deref().unwrap_or_default());
        options.set(BALLISTA_JOB_NAME, &name).map_err(|error| Error::planning(&error))?;
        Ok(DataFrame::new(state, plan))
    }

    /// What has been run so far.
    pub(crate) fn statements(&self) -> &Arc<Statements> {
        &self.statements
    }

    pub(crate) fn stores(&self) -> &Stores {
        &self.stores
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.recorder.snapshot()
    }
}

/// The name of a statement's jobs: its number, and what the application calls them.
fn job_name(number: u32, own: &str) -> String {
    format!("#{number} {own}").trim_end().to_string()
}

/// The statement a job of this name belongs to, and what the application calls it.
pub(crate) fn statement_of(job_name: &str) -> (Option<u32>, &str) {
    let Some(rest) = job_name.strip_prefix('#') else { return (None, job_name) };
    let (number, own) = rest.split_once(' ').unwrap_or((rest, ""));
    match number.parse() {
        Ok(number) => (Some(number), own),
        Err(_) => (None, job_name),
    }
}

/// What a definition leaves when it has taken effect.
fn is_empty(frame: &DataFrame) -> bool {
    matches!(frame.logical_plan(), LogicalPlan::EmptyRelation(relation) if !relation.produce_one_row)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jobs_name_tells_its_statement() {
        assert_eq!(statement_of(&job_name(3, "")), (Some(3), ""));
        assert_eq!(statement_of(&job_name(12, "nightly report")), (Some(12), "nightly report"));
        for name in ["", "nightly", "#x y"] {
            assert_eq!(statement_of(name), (None, name));
        }
    }
}
