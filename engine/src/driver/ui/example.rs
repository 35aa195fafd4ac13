//! A run made by hand, for tests of what shows it.

use onager_contract::{Application, ExecutorDemand, Phase};

use super::view::{Executor, Job, Stage, Standing, State, View};
use crate::driver::digest::{Digest, Work};
use crate::statements::{End, Statement};

/// What nobody may be able to put into a page.
pub(super) const HOSTILE: &str = "SELECT '<script>alert(1)</script>' AS \"a\" & 'b'";

pub(super) fn stage(id: usize, state: State) -> Stage {
    Stage {
        id,
        global_id: id - 1,
        attempt: 0,
        state,
        operator: "Aggregate".into(),
        is_read: id == 1,
        inputs: if id > 1 { vec![id - 1] } else { Vec::new() },
        partitions: 200,
        done_partitions: if state == State::Succeeded { 200 } else { 12 },
        waiting_partitions: if state == State::Running { 180 } else { 0 },
        running_tasks: if state == State::Running { 8 } else { 0 },
        done_tasks: if state == State::Succeeded { 200 } else { 12 },
        failed_tasks: 0,
        executors: if state == State::Running { 2 } else { 0 },
        started_at: Some(1_000),
        ended_at: (state == State::Succeeded).then_some(3_000),
        rows: 5_000,
        bytes: 70_000,
        read_rows: 0,
        read_bytes: 0,
        error: None,
    }
}

/// Three executors, one of them lost; a job that is done, one that failed, one that runs.
pub(super) fn view() -> View {
    let executor = |id: &str, standing: Standing| Executor {
        id: id.into(),
        host: "10.0.0.7".into(),
        port: 50051,
        cores: 4,
        busy: 4,
        running_tasks: 4,
        since: 2_000,
        standing,
        memory_bytes: 64 << 20,
        work: Work { done: 7, failed: 1, milliseconds: 900, rows: 40, bytes: 500 },
    };
    let statement = |number: u32, text: &str, end: Option<(u64, End)>| Statement {
        number,
        line: Some(u64::from(number) * 10),
        text: text.into(),
        started_at: 1_000,
        end,
        by_jobs: false,
    };
    let job = |number: u32, state: State, stages: Vec<Stage>| Job {
        number,
        name: String::new(),
        statement: Some(if number < 2 { 1 } else { 2 }),
        state,
        queued_at: 900,
        ended_at: (state != State::Running).then_some(3_000),
        error: (state == State::Failed).then(|| "Divide by <zero>".to_string()),
        stages,
    };
    View {
        now: 1_000_000,
        application: Application { namespace: "team".into(), name: "etl".into(), uid: "7d0c-5f1e".into(), attempt: 2 },
        program: "SQL script",
        started_at: 500,
        phase: Phase::Running,
        phase_since: 900,
        demand: ExecutorDemand { wanted: 3, minimum: 3, maximum: 3, wait_seconds: 300 },
        executors: vec![
            executor("1", Standing::Active),
            executor("3", Standing::Active),
            executor("2", Standing::Lost { at: 4_000, reason: "its node <gone>".into() }),
        ],
        lost: 1,
        jobs: vec![
            job(1, State::Succeeded, vec![stage(1, State::Succeeded)]),
            job(2, State::Failed, vec![stage(1, State::Failed)]),
            job(3, State::Running, vec![stage(1, State::Succeeded), stage(2, State::Running)]),
        ],
        statements: vec![
            statement(1, "CREATE VIEW v AS SELECT 1", Some((2_000, End::Done(None)))),
            statement(2, HOSTILE, None),
        ],
        expected_statements: Some(3),
        totals: Digest {
            successful_jobs: 1,
            failed_jobs: 1,
            stages: 4,
            launched: 420,
            done: 412,
            failed: 3,
            shuffle_bytes: 140_000,
            shuffle_rows: 10_000,
            ..Digest::default()
        },
        forgotten_jobs: 0,
        pending_tasks: 180,
    }
}
