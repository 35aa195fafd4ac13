//! A driver with two executors gives the same answers as plain DataFusion, and leaves nothing behind.

mod common;

use common::{Ground, table, wait_for};
use onager_contract::{Phase, Program, control};

fn sql(ground: &Ground, script: &str) -> Program {
    Program::Sql { script: ground.script(script) }
}

#[test]
fn a_script_answers_as_on_one_machine() {
    let ground = Ground::new();
    let tables = ground.numbers(50_000);
    let script = format!(
        "-- a report; with a semicolon\n{tables}\
         CREATE VIEW odd AS SELECT * FROM numbers WHERE n % 2 = 1;\n\
         SET datafusion.execution.batch_size = 4096;\n\
         SELECT k, count(*) AS c, sum(n) AS s, min(x) AS lo FROM odd GROUP BY k ORDER BY k LIMIT 5;\n\
         COPY (SELECT k, sum(n) AS s FROM odd GROUP BY k) TO 'local://$DIR/OUT/' STORED AS PARQUET;\n\
         CREATE EXTERNAL TABLE written STORED AS PARQUET LOCATION 'local://$DIR/OUT/';\n\
         INSERT INTO written SELECT 1000, 7;\n\
         SELECT a.k, a.s, b.c FROM written a JOIN (SELECT k, count(*) AS c FROM numbers GROUP BY k) b ON a.k = b.k \
         ORDER BY a.s DESC, a.k LIMIT 30"
    );
    let alone = ground.run_locally(&script.replace("OUT", "alone"));
    let alone = String::from_utf8(alone.stdout).expect("text");

    let mut driver = ground.driver(sql(&ground, &script.replace("OUT", "together")), 2, 60);
    let mut executors = ground.executors(2);
    assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
    let output = driver.process.output();
    assert!(table(&alone).len() > 30, "{alone}");
    assert_eq!(table(&output), table(&alone));

    let summary = driver.summary();
    assert_eq!(summary.failure, None);
    assert_eq!(summary.rows, 30);
    assert_eq!(summary.statements, 8);
    assert_eq!(summary.preview.expect("preview").columns, ["k", "s", "c"]);
    assert!(summary.tasks >= 4 && summary.stages >= 2 && summary.shuffle_bytes > 0);
    for executor in &mut executors {
        assert_eq!(executor.code(), Some(0), "{}", executor.log());
    }
}

#[test]
fn rows_stay_in_order_behind_a_shuffle() {
    let ground = Ground::new();
    // The files are sorted, and the planner knows: it would merge instead of sorting.
    let script = format!(
        "{}SET datafusion.execution.target_partitions = 4;\n\
         SELECT max(d) AS a, min(d) AS b, count(*) AS c FROM \
         (SELECT n - lag(n) OVER (ORDER BY n) AS d FROM (SELECT n, sum(x) AS x FROM numbers GROUP BY n));",
        ground.numbers(3_000)
    );
    let mut driver = ground.driver(sql(&ground, &script), 2, 60);
    let _executors = ground.executors(2);
    assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
    assert_eq!(driver.summary().preview.expect("preview").rows, [["1", "1", "12000"]]);
}

#[test]
fn pi_is_counted_by_several_tasks_and_stays_the_same() {
    let results = [1, 2].map(|_| {
        let ground = Ground::new();
        let mut driver = ground.driver_with(Program::Pi, 2, 60, vec!["4".into()]);
        let _executors = ground.executors(2);
        assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
        let summary = driver.summary();
        assert!(summary.tasks >= 4, "{summary:?}");
        let result = summary.result.expect("result");
        assert!(driver.process.output().contains(&result));
        result
    });
    assert!(results[0].starts_with("Pi is roughly 3.14"), "{}", results[0]);
    assert_eq!(results[0], results[1]);
}

#[test]
fn the_control_channel_answers_its_token_alone() {
    let ground = Ground::new();
    let driver = ground.driver(Program::Pi, 1, 60);
    wait_for("health", || driver.ask("GET", "/healthz", None, "").is_some_and(|(status, _)| status == 200));
    for token in [None, Some("another")] {
        assert_eq!(driver.ask("GET", control::PROGRESS, token, "").expect("answer").0, 401);
        assert_eq!(driver.ask("POST", control::EXECUTOR_LOST, token, "{}").expect("answer").0, 401);
    }
    let progress = driver.progress().expect("progress");
    assert_eq!((progress.phase, progress.executors), (Phase::WaitingForExecutors, 0));
    driver.tell_executor_lost(7);
}
