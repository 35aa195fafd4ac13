//! Files that an application brings along, and where work and spill go.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Ground, table, wait_for};
use onager_contract::{Deps, Program};

fn sql(ground: &Ground, script: &str) -> Program {
    Program::Sql { script: ground.script(script) }
}

#[test]
fn files_and_archives_are_read_by_name_on_every_side() {
    let ground = Ground::new();
    fs::write(ground.folder.join("rates.csv"), "k,rate\n1,10\n2,20\n").expect("file");
    fs::write(ground.folder.join("names.csv"), "k,name\n1,one\n2,two\n").expect("file");
    let packed = Command::new("tar").args(["-czf", "env.tar.gz", "names.csv"]).current_dir(&ground.folder).status();
    assert!(packed.expect("tar").success());
    let deps = Deps {
        files: vec![format!("local://{}/rates.csv", ground.dir())],
        py_files: Vec::new(),
        archives: vec![format!("local://{}/env.tar.gz#env", ground.dir())],
    };
    let script = "CREATE EXTERNAL TABLE rates STORED AS CSV LOCATION 'rates.csv' OPTIONS ('format.has_header' 'true');\n\
                  CREATE EXTERNAL TABLE names STORED AS CSV LOCATION 'env/names.csv' OPTIONS ('format.has_header' 'true');\n\
                  SELECT name, rate FROM rates JOIN names USING (k) ORDER BY name;";
    let mut driver = ground.driver_told(sql(&ground, script), 2, |spec| spec.deps = deps.clone());
    let _executors: Vec<_> =
        (1..=2).map(|index| ground.executor_told(index, |spec| spec.deps = deps.clone())).collect();
    assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
    assert_eq!(driver.summary().preview.expect("preview").rows, [["one", "10"], ["two", "20"]]);
}

#[test]
fn a_missing_file_ends_the_run_before_it_begins() {
    let ground = Ground::new();
    let deps = Deps { files: vec!["local:///nowhere/rates.csv".into()], ..Deps::default() };
    let mut driver = ground.driver_told(sql(&ground, "SELECT 1"), 1, |spec| spec.deps = deps);
    assert_eq!(driver.process.code(), Some(65));
    let message = driver.summary().failure.expect("failure").message;
    assert!(message.starts_with("local:///nowhere/rates.csv: No such file"), "{message}");
}

fn spilled(folder: &Path) -> bool {
    let files = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().collect::<Vec<_>>();
    let spill =
        files(folder).into_iter().filter(|entry| entry.file_name().to_string_lossy().starts_with("datafusion-"));
    spill.into_iter().any(|entry| !files(&entry.path()).is_empty())
}

#[test]
fn a_query_larger_than_its_memory_spills_into_the_local_folders_and_completes() {
    let ground = Ground::new();
    let script = format!(
        "{}SELECT count(*) AS c, sum(r) AS s, max(h) AS m FROM (SELECT h, row_number() OVER (ORDER BY h) AS r FROM \
         (SELECT repeat(md5(CAST(n AS VARCHAR)), 6) AS h FROM numbers));",
        ground.numbers(100_000)
    );
    let alone = String::from_utf8(ground.run_locally(&script).stdout).expect("text");
    let local: Vec<String> = ["d0", "d1"].map(|name| ground.folder.join(name).display().to_string()).into();
    let mut driver = ground.driver(sql(&ground, &script), 1, 60);
    let mut executor = ground.executor_told(1, |spec| {
        spec.memory_bytes = 160 << 20;
        spec.local_dirs = local;
    });
    let own = |disk: &str| ground.folder.join(disk).join("onager-0c7e2f4a-1");
    wait_for("rows are spilled", || {
        assert!(driver.process.is_running() || driver.summary().failure.is_none(), "{:?}", driver.summary());
        spilled(&own("d0")) || spilled(&own("d1")) || !driver.process.is_running()
    });
    assert!(spilled(&own("d0")) || spilled(&own("d1")), "nothing was spilled");
    assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
    assert_eq!(table(&driver.process.output()), table(&alone));
    assert_eq!(executor.code(), Some(0), "{}", executor.log());
    assert!(!own("d0").exists() && !own("d1").exists(), "nothing is left behind");
}

#[test]
fn rows_that_exist_in_the_driver_alone_are_refused_in_words() {
    let ground = Ground::new();
    let script = "SELECT 1;\nSELECT sum(value) FROM generate_series(1, 10);";
    let mut driver = ground.driver(sql(&ground, script), 1, 60);
    let _executors = ground.executors(1);
    assert_eq!(driver.process.code(), Some(65));
    let message = driver.summary().failure.expect("failure").message;
    assert!(message.starts_with("line 2: generate_series") && message.contains("use VALUES"), "{message}");
}

#[test]
fn text_formats_are_written_and_read_back() {
    let ground = Ground::new();
    let script = format!(
        "{}COPY (SELECT k, count(*) AS c FROM numbers GROUP BY k) TO 'local://$DIR/csv/' STORED AS CSV OPTIONS \
         ('format.has_header' 'true');\n\
         COPY (SELECT k, count(*) AS c FROM numbers GROUP BY k) TO 'local://$DIR/json/' STORED AS JSON;\n\
         CREATE EXTERNAL TABLE c STORED AS CSV LOCATION 'local://$DIR/csv/' OPTIONS ('format.has_header' 'true');\n\
         CREATE EXTERNAL TABLE j STORED AS JSON LOCATION 'local://$DIR/json/';\n\
         INSERT INTO c SELECT 1000, 1;\n\
         INSERT INTO j (k, c) SELECT 1000, 1;\n\
         SELECT count(*) AS rows, sum(c.c) AS a, sum(j.c) AS b FROM c JOIN j ON c.k = j.k;",
        ground.numbers(970)
    );
    let mut driver = ground.driver(sql(&ground, &script), 2, 60);
    let _executors = ground.executors(2);
    assert_eq!(driver.process.code(), Some(0), "{}", driver.process.log());
    assert_eq!(driver.summary().preview.expect("preview").rows, [["98", "3881", "3881"]]);
}
