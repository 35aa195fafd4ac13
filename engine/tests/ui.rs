//! What a driver shows of itself: pages, REST and metrics of jobs that run, fail and lose executors, whatever users write.

mod common;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, fs};

use common::{Driver, Ground, metrics_at, table, until, wait_for};
use onager::Session;
use onager_contract::{Program, endpoint};
use serde_json::Value;

/// A query whose text would be a script in a careless page.
const HOSTILE: &str = "SELECT max(n) AS \"<script>alert(1)</script>\", count(*) FROM numbers WHERE 'a&b' <> '</pre>'";
const FAILS: &str = "SELECT sum(1 / (n - n)) AS x FROM numbers";
const HEAVY: &str = "SET datafusion.execution.target_partitions = 8;\n\
                     SELECT g, count(*) AS c, sum(s) AS s FROM (\
                     SELECT a.n % 1000 AS g, a.k, sum(a.n * b.n % 7) AS s FROM numbers a JOIN numbers b ON a.k = b.k \
                     GROUP BY 1, 2) GROUP BY g ORDER BY s DESC, g LIMIT 50;";
/// Where the program of this test finds its files.
const FOLDER: &str = "ONAGER_TEST_FOLDER";

/// Not a test where it is called as one: the program of a driver that goes on after a query has failed, and ends when told.
#[test]
fn plays_the_driver() {
    if env::var(endpoint::ENV_DRIVER).is_ok() {
        assert_eq!(onager::main(program), ExitCode::SUCCESS);
    }
}

async fn program(session: Session) -> onager::Result<()> {
    let folder = PathBuf::from(env::var(FOLDER).expect("a folder"));
    session.sql(&fs::read_to_string(folder.join("tables.sql")).expect("tables")).await?;
    assert!(session.show(session.sql(FAILS).await?).await.is_err());
    session.show(session.sql(HOSTILE).await?).await?;
    assert!(session.sql("SELECT * FROM nowhere").await.is_err());
    while !folder.join("end").exists() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// A driver that plays [`program`].
fn play(ground: &Ground, executors: u32) -> Driver {
    let tables = ground.numbers(5_000).replace("$DIR", &ground.dir());
    fs::write(ground.folder.join("tables.sql"), tables.trim().trim_end_matches(';')).expect("tables");
    let mut command = Command::new(env::current_exe().expect("this binary"));
    command.args(["--exact", "plays_the_driver", "--nocapture"]).env(FOLDER, &ground.folder);
    ground.driver_of(command, Program::Rust, executors, |spec| {
        let secrets = [("spark.hadoop.fs.s3a.secret.key", "geheim"), ("spark.app.name", "<b>etl</b>")];
        spec.conf.extend(secrets.map(|(name, value)| (name.to_string(), value.to_string())));
    })
}

fn api(driver: &Driver, path: &str) -> Value {
    let body = driver.page(&format!("/api/v1/applications/app{path}")).unwrap_or_else(|| panic!("{path}"));
    serde_json::from_str(&body).expect("JSON")
}

#[test]
fn a_job_that_runs_is_on_every_page() {
    let ground = Ground::new();
    let script = format!("{}{HEAVY}", ground.numbers(12_000));
    let mut driver = ground.driver(Program::Sql { script: ground.script(&script) }, 2, 60);
    wait_for("the page says what is waited for", || {
        driver.page("/").is_some_and(|page| page.contains("Waits for 2 of 2 executors; none has registered"))
    });
    let _executors = ground.executors(2);
    let stage = until(|| {
        let stages = api(&driver, "/stages?status=active");
        let stage = stages.as_array()?.iter().find(|stage| stage["numActiveTasks"].as_u64() > Some(0))?.clone();
        Some(stage)
    });
    let stage = stage.expect("a stage runs");
    let (job, of_job) = (&stage["jobId"], &stage["stageOfJob"]);
    assert!(stage["description"].as_str().is_some_and(|text| text.starts_with("SELECT g, count(*)")), "{stage}");

    let seen = |path: &str, words: &[&str]| {
        let page = driver.page(path).unwrap_or_else(|| panic!("{path}: the job has ended too soon"));
        for word in words {
            assert!(page.contains(word), "{path} says nothing of {word}:\n{page}");
        }
    };
    seen("/", &["statement 3 of 3", "executors of 2", "SELECT g, count(*)"]);
    seen("/jobs", &["running", "SELECT g, count(*)"]);
    seen(&format!("/jobs/{job}"), &["ShuffleWriterExec", "Partitions done", "SELECT g, count(*)"]);
    seen("/stages", &["running"]);
    seen(&format!("/stages/{job}/{of_job}"), &["By executor", "Tasks", "ShuffleWriterExec"]);
    seen("/executors", &["active", &ground.address(1), &ground.address(2)]);
    let metrics = driver.metrics();
    assert_eq!(metrics["onager_driver_executors{state=\"active\"}"], 2.0);
    assert!(metrics["onager_driver_uptime_seconds"] > 0.0 && metrics["onager_driver_memory_bytes"] > 1e6);
    let of_executor = metrics_at(&ground.address(2));
    assert_eq!(of_executor["onager_executor_cores"], 1.0);

    assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
    let log = driver.process.log();
    for words in
        ["2 executors are here", "statement 3 of 3 (line 3): SELECT g, count(*)", "statement 3 of 3 (line 3) is done"]
    {
        assert!(log.contains(words), "the log says nothing of {words}:\n{log}");
    }
    assert_eq!(table(&driver.process.output()).len(), 54);
}

#[test]
fn what_failed_and_who_was_lost_is_shown_and_nothing_a_user_wrote_is_markup() {
    let ground = Ground::new();
    let mut driver = play(&ground, 2);
    let mut executors = ground.executors(2);
    wait_for("all statements are through", || {
        driver.page("/api/v1/applications/app/sql").is_some_and(|sql| sql.contains("nowhere"))
    });
    executors[1].kill();
    driver.tell_executor_lost(2);
    wait_for("the loss is seen", || driver.page("/executors").is_some_and(|page| page.contains("its pod is gone")));

    let sql = api(&driver, "/sql");
    let status: Vec<&str> =
        sql.as_array().expect("statements").iter().filter_map(|one| one["status"].as_str()).collect();
    assert_eq!(status, ["COMPLETED", "FAILED", "COMPLETED", "FAILED"], "{sql}");
    let jobs = api(&driver, "/jobs");
    let failed = jobs.as_array().expect("jobs").iter().find(|job| job["status"] == "FAILED").expect("a failed job");
    assert!(
        failed["failureReason"].as_str().is_some_and(|text| text.to_lowercase().contains("divide by zero")),
        "{failed}"
    );
    let stages = api(&driver, "/stages?status=complete");
    let stage = &stages.as_array().expect("stages")[0];
    let path = format!("/stages/{}/{}/taskList", stage["stageId"], stage["attemptId"]);
    assert_eq!(api(&driver, &path)[0]["status"], "SUCCESS");
    assert!(api(&driver, "/allexecutors").as_array().expect("executors").iter().any(|one| one["isActive"] == false));
    assert_eq!(api(&driver, "/executors").as_array().map(Vec::len), Some(1));

    let last = jobs[0]["jobId"].to_string();
    for path in
        ["/", "/jobs", &format!("/jobs/{last}"), "/stages", &format!("/stages/{last}/1"), "/executors", "/environment"]
    {
        let (status, head, page) = driver.knock("GET", path, "");
        assert_eq!(status, 200, "{path}");
        assert!(!page.contains("<script>alert") && !page.contains("<b>etl"), "{path}:\n{page}");
        assert!(!page.contains("geheim"), "{path} tells a secret");
        let head = head.to_lowercase();
        assert!(head.contains("default-src 'none'") && head.contains("x-frame-options: deny"), "{head}");
    }
    assert!(driver.page("/").expect("page").contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!api(&driver, "/environment").to_string().contains("geheim"));
    let metrics = driver.metrics();
    assert_eq!(metrics["onager_driver_executors_lost_total"], 1.0);
    assert!(metrics["onager_driver_jobs_total{result=\"failed\"}"] >= 1.0);

    for (method, path, body, expected) in [
        ("POST", "/jobs", "", 405),
        ("DELETE", "/api/v1/applications/app/jobs/1", "", 405),
        ("GET", "/", "body", 413),
        ("GET", "/jobs/99", "", 404),
        ("GET", "/stages/1/99", "", 404),
        ("GET", "/../../etc/passwd", "", 404),
        ("GET", "/api/v1/applications/another/jobs", "", 404),
    ] {
        assert_eq!(driver.knock(method, path, body).0, expected, "{method} {path}");
    }
    let (status, head, _) = driver.knock("GET", "/jobs/", "");
    assert!(status == 308 && head.contains("location: ../jobs"), "{head}");
    let (status, head, body) = driver.knock("HEAD", "/jobs", "");
    assert!(status == 200 && body.is_empty(), "{head}");

    fs::write(ground.folder.join("end"), "").expect("end");
    assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
    assert!(driver.process.log().contains("executor 2 was lost: its pod is gone"), "{}", driver.process.log());
}
