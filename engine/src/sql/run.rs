//! Runs the statements of a script in order. A query's table is printed, the last one's first rows go into the summary;
//! definitions and settings act on the driver's session, all else on the executors. The first error ends the script.

use std::time::Instant;

use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::sql::parser::Statement;
use tracing::info;

use super::split::{Located, located as at, split};
use super::write::{self, Name};
use crate::statements::End;
use crate::words::several;
use crate::{Result, Session, stores, table};

/// Runs `script`; `mark` names the files its writes make.
pub(crate) async fn run(session: &Session, script: &str, mark: &str) -> Result<()> {
    let located = split(script)?;
    let statements = session.statements();
    statements.expect(located.len() as u32);
    info!("the script has {}", several(located.len() as u64, "statement"));
    for located in located {
        let line = located.line;
        let number = statements.begin(&located.text, Some(line));
        let name = Name { mark, number: number as usize };
        let result = statement(session, located, &name).await.map_err(|error| error.at_line(line));
        statements
            .end(number, result.as_ref().map_or_else(|error| End::Failed(error.to_string()), |rows| End::Done(*rows)));
        result?;
    }
    Ok(())
}

/// Runs one statement; returns how many rows it gave or wrote.
async fn statement(session: &Session, located: Located, name: &Name<'_>) -> Result<Option<u64>> {
    let started = Instant::now();
    let (line, number) = (located.line, name.number as u32);
    let statements = session.statements();
    if let Statement::CreateExternalTable(table) = &located.statement {
        for location in &table.locations {
            stores::check_bucket(session.stores(), location).await?;
        }
    }
    let state = session.context().state();
    let plan = state.statement_to_plan(located.statement).await.map_err(|error| at(&error, line))?;
    // The optimizer checks types too, and knows positions; behind it only text comes back.
    state.optimize(&plan).map_err(|error| at(&error, line))?;
    let plan = write::with_fixed_name(plan, name, &state);
    if let Some(url) = write::target(&plan) {
        stores::check_bucket(session.stores(), &url).await?;
    }
    let kind = Kind::of(&plan);
    if !matches!(kind, Kind::Definition(_)) {
        info!("{}: {}", statements.name(number), statements.head(number));
    }
    let frame = session.frame(plan, number).await?;
    let (done, rows) = match kind {
        Kind::Definition(done) => (done, None),
        Kind::Query => {
            let rows = session.show(frame).await?;
            (several(rows, "row"), Some(rows))
        }
        Kind::Write => {
            let rows = table::run(&frame).await?.count().unwrap_or_default();
            (format!("{} written", several(rows, "row")), Some(rows))
        }
    };
    info!("{} is done after {:.1} s: {done}", statements.name(number), started.elapsed().as_secs_f64());
    Ok(rows)
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
