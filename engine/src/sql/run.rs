//! Runs the statements of a script in order. A query's table is printed, the last one's first rows go into the summary;
//! definitions and settings act on the driver's session, all else on the executors. The first error ends the script.

use std::time::Instant;

use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::sql::parser::Statement;
use tracing::info;

use super::split::{Located, located, split};
use super::write::{self, Name};
use crate::{Result, Session, stores, table};

/// Runs `script`; `mark` names the files its writes make.
pub(crate) async fn run(session: &Session, script: &str, mark: &str) -> Result<()> {
    let statements = split(script)?;
    info!(statements = statements.len(), "runs the script");
    for (index, located) in statements.into_iter().enumerate() {
        let (line, name) = (located.line, Name { mark, number: index + 1 });
        statement(session, located, &name).await.map_err(|error| error.at_line(line))?;
    }
    Ok(())
}

async fn statement(session: &Session, Located { line, statement }: Located, name: &Name<'_>) -> Result<()> {
    let started = Instant::now();
    if let Statement::CreateExternalTable(table) = &statement {
        for location in &table.locations {
            stores::check_bucket(session.stores(), location).await?;
        }
    }
    let state = session.context().state();
    let plan = state.statement_to_plan(statement).await.map_err(|error| located(&error, line))?;
    // The optimizer checks types too, and knows positions; behind it only text comes back.
    state.optimize(&plan).map_err(|error| located(&error, line))?;
    let plan = write::with_fixed_name(plan, name, &state);
    if let Some(url) = write::target(&plan) {
        stores::check_bucket(session.stores(), &url).await?;
    }
    let kind = Kind::of(&plan);
    let frame = session.frame(plan).await?;
    let seconds = || started.elapsed().as_secs_f64();
    match kind {
        Kind::Definition(name) => info!(line, seconds = seconds(), "{name}"),
        Kind::Query => {
            let rows = session.show(frame).await?;
            info!(line, rows, seconds = seconds(), "query done");
        }
        Kind::Write => {
            let head = table::run(&frame).await?;
            info!(line, rows = head.count().unwrap_or_default(), seconds = seconds(), "write done");
        }
    }
    Ok(())
}

enum Kind {
    Definition(String),
    Query,
    Write,
}

impl Kind {
    fn of(plan: &LogicalPlan) -> Self {
        match plan {
            LogicalPlan::Ddl(DdlStatement::CreateExternalTable(table)) => {
                Self::Definition(format!("table {} defined", table.name))
            }
            LogicalPlan::Ddl(DdlStatement::CreateView(view)) => Self::Definition(format!("view {} defined", view.name)),
            LogicalPlan::Ddl(ddl) => Self::Definition(ddl.name().to_string()),
            LogicalPlan::Statement(statement) => Self::Definition(statement.name().to_string()),
            LogicalPlan::Copy(_) | LogicalPlan::Dml(_) => Self::Write,
            _ => Self::Query,
        }
    }
}
