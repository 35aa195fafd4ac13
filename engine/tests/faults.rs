//! What a driver and its executors do when something goes wrong: wrong input, lost executors, a lost driver.

mod common;

use common::{Ground, table, wait_for};
use onager_contract::{ErrorClass, Program};

/// Several stages of more tasks than there are cores, so that some are done while others wait.
const HEAVY: &str = "SET datafusion.execution.target_partitions = 8;\n\
                     SELECT g, count(*) AS c, sum(s) AS s FROM (\
                     SELECT a.n % 1000 AS g, a.k, sum(a.n * b.n % 7) AS s FROM numbers a JOIN numbers b ON a.k = b.k \
                     GROUP BY 1, 2) GROUP BY g ORDER BY s DESC, g LIMIT 50;";

fn sql(ground: &Ground, script: &str) -> Program {
    Program::Sql { script: ground.script(script) }
}

/// Runs a heavy query on two executors, takes one away while tasks run, and compares the answer.
fn lose_an_executor(told: bool, replaced: bool) {
    let ground = Ground::new();
    let script = format!("{}{HEAVY}", ground.numbers(12_000));
    let alone = String::from_utf8(ground.run_locally(&script).stdout).expect("text");

    let mut driver = ground.driver(sql(&ground, &script), 2, 60);
    let mut executors = ground.executors(2);
    wait_for("a stage is half done", || driver.progress().is_some_and(|now| (2..6).contains(&now.pending_tasks)));
    if replaced {
        executors.iter_mut().for_each(|executor| executor.kill());
        executors.push(ground.executor(3));
    } else {
        executors[0].kill();
    }
    if told {
        driver.tell_executor_lost(1);
        if replaced {
            driver.tell_executor_lost(2);
        }
    }
    assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
    assert_eq!(table(&driver.process.output()), table(&alone));
    assert_eq!(driver.summary().executors_lost, if replaced { 2 } else { 1 });
}

#[test]
fn an_executor_lost_and_told_of_changes_no_answer() {
    lose_an_executor(true, false);
}

#[test]
fn an_executor_lost_in_silence_changes_no_answer() {
    lose_an_executor(false, false);
}

#[test]
fn a_replacement_takes_over_when_all_executors_are_lost() {
    lose_an_executor(true, true);
}

#[test]
fn executors_leave_when_their_driver_is_killed() {
    let ground = Ground::new();
    let script = format!("{}{HEAVY}", ground.numbers(12_000));
    let mut driver = ground.driver(sql(&ground, &script), 2, 60);
    let mut executors = ground.executors(2);
    wait_for("tasks run", || driver.is_running_tasks());
    driver.process.kill();
    for executor in &mut executors {
        assert_eq!(executor.code(), Some(69), "{}", executor.log());
        assert!(executor.log().contains("is gone"), "{}", executor.log());
    }
}

#[test]
fn a_driver_that_is_asked_to_leave_says_so() {
    let ground = Ground::new();
    let script = format!("{}{HEAVY}", ground.numbers(12_000));
    let mut driver = ground.driver(sql(&ground, &script), 1, 60);
    let mut executors = ground.executors(1);
    wait_for("tasks run", || driver.is_running_tasks());
    driver.process.terminate();
    assert_eq!(driver.process.code(), Some(69), "{}", driver.process.log());
    assert!(driver.summary().failure.expect("failure").message.contains("SIGTERM"));
    assert_eq!(executors[0].code(), Some(0), "{}", executors[0].log());
}

#[test]
fn executors_that_never_come_are_the_platforms_fault() {
    let ground = Ground::new();
    let mut driver = ground.driver(Program::Pi, 2, 1);
    assert_eq!(driver.process.code(), Some(69));
    let failure = driver.summary().failure.expect("failure");
    assert_eq!(failure.class, ErrorClass::Platform);
    assert_eq!(failure.message, "0 of at least 2 executors came within 1 s");
}

/// Runs a script that fails, and returns its exit code and message.
fn fail(script: &str) -> (Option<i32>, String) {
    let ground = Ground::new();
    let tables = ground.numbers(10);
    let mut driver = ground.driver(sql(&ground, &script.replace("$NUMBERS;\n", &tables)), 1, 60);
    let _executors = ground.executors(1);
    let code = driver.process.code();
    (code, driver.summary().failure.expect("failure").message)
}

#[test]
fn a_syntax_error_tells_its_line() {
    let (code, message) = fail("SELECT 1;\n\nSELEC 2;");
    assert_eq!(code, Some(65), "{message}");
    assert!(message.starts_with("line 3: "), "{message}");
}

#[test]
fn an_unknown_column_tells_its_line_and_name() {
    let (code, message) = fail("$NUMBERS;\nSELECT\n  n,\n  nn\nFROM numbers;");
    assert_eq!(code, Some(65), "{message}");
    assert!(message.starts_with("line 4: ") && message.contains("nn"), "{message}");
}

#[test]
fn an_unknown_table_tells_its_line() {
    let (code, message) = fail("SELECT 1;\nSELECT * FROM nowhere;");
    assert_eq!(code, Some(65), "{message}");
    assert!(message.starts_with("line 2: ") && message.contains("nowhere"), "{message}");
}

#[test]
fn a_table_in_memory_is_refused() {
    let (code, message) = fail("CREATE TABLE t AS SELECT 1 AS a;");
    assert_eq!(code, Some(65), "{message}");
    assert!(message.starts_with("line 1: CREATE TABLE is not supported"), "{message}");
}

#[test]
fn a_division_by_zero_is_the_applications_fault() {
    let (code, message) = fail("$NUMBERS;\n\nSELECT sum(1 / (n - n)) FROM numbers;");
    assert_eq!(code, Some(1), "{message}");
    assert!(message.starts_with("line 3: ") && message.to_lowercase().contains("divide by zero"), "{message}");
}

#[test]
fn a_missing_script_is_named() {
    let ground = Ground::new();
    let mut driver = ground.driver(Program::Sql { script: "local:///nowhere/script.sql".into() }, 1, 60);
    let _executors = ground.executors(1);
    assert_eq!(driver.process.code(), Some(65));
    let message = driver.summary().failure.expect("failure").message;
    assert_eq!(message, "local:///nowhere/script.sql does not exist");
}

#[test]
fn a_rust_application_needs_its_own_binary() {
    let ground = Ground::new();
    let mut driver = ground.driver(Program::Rust, 1, 60);
    assert_eq!(driver.process.code(), Some(65));
}
