//! Executors that leave before the end, at the operator's wish or because their pods are to end: nothing is lost, and no
//! stage runs again.

mod common;

use common::{Ground, Process, table, until, wait_for};
use onager_contract::Program;

/// Two stages of several tasks and a last one of a single task that takes its time: whoever is not chosen for that one is
/// idle, and holds files that it reads.
const NARROW: &str = "SET datafusion.execution.target_partitions = 4;\n\
                      SELECT count(*) AS c, max(m) AS m FROM (SELECT median(x) OVER (ORDER BY n ROWS BETWEEN 3000 PRECEDING \
                      AND CURRENT ROW) AS m FROM (SELECT n, sum(x) AS x FROM numbers GROUP BY n));";

fn sql(ground: &Ground, script: &str) -> Program {
    Program::Sql { script: ground.script(script) }
}

fn is_sent_home(executor: &mut Process) -> bool {
    executor.code() == Some(0) && executor.log().contains("the driver sent it home")
}

/// The index of an executor that has no task and files that are needed.
fn idle_holder(driver: &common::Driver) -> u32 {
    let holder = until(|| {
        let progress = driver.progress()?;
        let alone = progress.idle.len() == 1 && progress.pending_tasks == 0 && progress.running_tasks == 1;
        // A second is longer than the tail of a wide stage.
        progress.idle.into_iter().find(|idle| alone && idle.holds_shuffle && idle.idle_seconds > 0)
    });
    holder
        .unwrap_or_else(|| panic!("no executor is idle and needed; the driver's log:\n{}", driver.process.log()))
        .index
}

#[test]
fn a_drained_executor_gets_no_more_tasks_and_its_end_is_no_loss() {
    let ground = Ground::new();
    let query = "SELECT k, count(*) AS c FROM numbers GROUP BY k ORDER BY k LIMIT 3;\n";
    let script = format!("{}{}", ground.numbers(20_000), query.repeat(60));
    let mut driver = ground.driver(sql(&ground, &script), 2, 60);
    let mut executors = ground.executors(2);
    wait_for("the second executor is between two tasks", || {
        driver.progress().is_some_and(|progress| progress.executors == 2) && driver.drain(2, false)
    });
    for _ in 0..20 {
        assert!(driver.idle(2).is_some(), "it has a task again");
    }
    executors[1].terminate();
    assert!(is_sent_home(&mut executors[1]), "{}", executors[1].log());
    assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
    let summary = driver.summary();
    assert_eq!((summary.executors_lost, summary.statements), (0, 61));
}

#[test]
fn an_executor_that_is_needed_stays_and_nothing_runs_twice() {
    let ground = Ground::new();
    let script = format!("{}{NARROW}", ground.numbers(40_000));
    let alone = String::from_utf8(ground.run_locally(&script).stdout).expect("text");
    let mut driver = ground.driver(sql(&ground, &script), 2, 60);
    let mut executors = ground.executors(2);
    let index = idle_holder(&driver);
    assert!(!driver.drain(index, false), "its files are needed");
    let at = index as usize - 1;
    executors[at].terminate();
    wait_for("the driver knows", || driver.process.log().contains("is asked to end"));
    assert!(executors[at].is_running());
    assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
    assert!(is_sent_home(&mut executors[at]), "{}", executors[at].log());
    assert_eq!(table(&driver.process.output()), table(&alone));
    let summary = driver.summary();
    assert_eq!(summary.executors_lost, 0);
    // Four tasks of each wide stage, at most, and one of the last: a second run of one would be more.
    assert!(summary.tasks <= 11, "{summary:?}");
}

#[test]
fn what_an_executor_takes_along_is_made_again() {
    let ground = Ground::new();
    let script = format!("{}{NARROW}", ground.numbers(40_000));
    let alone = String::from_utf8(ground.run_locally(&script).stdout).expect("text");
    let mut driver = ground.driver(sql(&ground, &script), 2, 60);
    let mut executors: Vec<Process> =
        (1..=2).map(|index| ground.executor_told(index, |spec| spec.grace_seconds = Some(2))).collect();
    let index = idle_holder(&driver);
    assert!(driver.drain(index, true), "it may go with its files");
    let at = index as usize - 1;
    executors[at].terminate();
    assert_eq!(executors[at].code(), Some(0), "{}", executors[at].log());
    assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
    assert_eq!(table(&driver.process.output()), table(&alone));
}

#[test]
fn a_driver_may_begin_without_executors() {
    let ground = Ground::new();
    let script = format!("{}SELECT count(*) AS c FROM numbers;", ground.numbers(1_000));
    let mut driver = ground.driver_told(sql(&ground, &script), 0, |spec| spec.executors.maximum = 4);
    wait_for("tasks wait", || driver.progress().is_some_and(|progress| progress.pending_tasks > 0));
    let _executors = ground.executors(1);
    assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
    assert!(driver.process.output().contains("4000"));
}
