//! A driver and its executors as processes on loopback addresses of their own, all ended when a test ends.
#![allow(dead_code, reason = "every test file uses its part")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use onager_contract::{
    Application, Drain, DriverSpec, ExecutorDemand, ExecutorLost, ExecutorSpec, Idle, Program, Progress, Summary,
    control, endpoint, token,
};

const TOKEN: &str = "a-token-for-tests";
const UID: &str = "0c7e2f4a";

static NEXT: AtomicU16 = AtomicU16::new(1);

/// How long a test waits for anything before it fails.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A folder and a row of addresses that no other test has.
pub struct Ground {
    number: u16,
    pub folder: PathBuf,
}

impl Ground {
    pub fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("onager-engine-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("folder");
        Self { number, folder }
    }

    /// The address of host `n`; 0 is the driver's.
    pub fn address(&self, host: u32) -> String {
        let [high, low] = (process::id() as u16).to_be_bytes();
        format!("127.{}.{low}.{}", 64 + high % 128, self.number * 16 + host as u16)
    }

    /// Writes a script and returns its URI.
    pub fn script(&self, sql: &str) -> String {
        let path = self.folder.join("script.sql");
        fs::write(&path, sql.replace("$DIR", &self.dir())).expect("script");
        format!("local://{}", path.display())
    }

    /// The folder as the part of a URI.
    pub fn dir(&self) -> String {
        self.folder.display().to_string()
    }

    /// Runs a script in one process with plain DataFusion.
    pub fn run_locally(&self, sql: &str) -> Output {
        let script = self.script(sql);
        engine().args(["run", &script]).output().expect("engine")
    }

    /// A table `numbers` of four Parquet files with `rows` rows each.
    pub fn numbers(&self, rows: u64) -> String {
        let files = (0..4u64).map(|file| {
            let (first, last) = (file * rows, (file + 1) * rows - 1);
            format!(
                "COPY (SELECT value AS n, value % 97 AS k, CAST(value AS DOUBLE) / 7 AS x \
                 FROM generate_series({first}, {last})) TO 'local://$DIR/numbers/{file}.parquet' STORED AS PARQUET;\n"
            )
        });
        let made = self.run_locally(&files.collect::<String>());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        "CREATE EXTERNAL TABLE numbers STORED AS PARQUET LOCATION 'local://$DIR/numbers/';\n".into()
    }

    pub fn driver(&self, program: Program, executors: u32, wait_seconds: u64) -> Driver {
        self.driver_with(program, executors, wait_seconds, Vec::new())
    }

    pub fn driver_with(&self, program: Program, executors: u32, wait_seconds: u64, arguments: Vec<String>) -> Driver {
        self.driver_told(program, executors, |spec| {
            spec.arguments = arguments;
            spec.executors.wait_seconds = wait_seconds;
        })
    }

    /// A driver that is told something special.
    pub fn driver_told(&self, program: Program, executors: u32, change: impl FnOnce(&mut DriverSpec)) -> Driver {
        self.driver_of(engine(), program, executors, change)
    }

    /// A driver of another binary.
    pub fn driver_of(
        &self,
        mut command: Command,
        program: Program,
        executors: u32,
        change: impl FnOnce(&mut DriverSpec),
    ) -> Driver {
        let mut spec = DriverSpec {
            application: application(),
            program,
            arguments: Vec::new(),
            conf: Default::default(),
            executors: ExecutorDemand { wanted: executors, minimum: executors, maximum: executors, wait_seconds: 60 },
            executor_cores: 1,
            memory_bytes: 1 << 30,
            deps: Default::default(),
            local_dirs: Vec::new(),
            metrics_port: None,
            ui_port: None,
            scheduler_port: None,
            control_port: None,
            control_digest: Some(token::digest(TOKEN)),
        };
        change(&mut spec);
        let summary = self.folder.join("termination-log");
        command
            .env(endpoint::ENV_DRIVER, serde_json::to_string(&spec).expect("JSON"))
            .env(endpoint::ENV_POD_IP, self.address(0))
            .env("ONAGER_BIND", self.address(0))
            .env("ONAGER_FILES_DIR", self.folder.join("files"))
            .env("ONAGER_TERMINATION_LOG", &summary);
        Driver { process: Process::start(command, &self.folder, "driver"), address: self.address(0), summary }
    }

    pub fn executor(&self, index: u32) -> Process {
        self.executor_told(index, |_| {})
    }

    /// An executor that is told something special.
    pub fn executor_told(&self, index: u32, change: impl FnOnce(&mut ExecutorSpec)) -> Process {
        let mut spec = ExecutorSpec {
            application: application(),
            index,
            cores: 1,
            memory_bytes: 1 << 30,
            conf: Default::default(),
            deps: Default::default(),
            local_dirs: Vec::new(),
            grace_seconds: None,
            metrics_port: None,
            flight_port: None,
            task_port: None,
        };
        change(&mut spec);
        let mut command = engine();
        command
            .env(endpoint::ENV_EXECUTOR, serde_json::to_string(&spec).expect("JSON"))
            .env(endpoint::ENV_DRIVER_HOST, self.address(0))
            .env(endpoint::ENV_POD_IP, self.address(index))
            .env("ONAGER_FILES_DIR", self.folder.join("files"))
            .env("ONAGER_WORK_DIR", self.folder.join(format!("work-{index}")));
        Process::start(command, &self.folder, &format!("executor-{index}"))
    }

    pub fn executors(&self, count: u32) -> Vec<Process> {
        (1..=count).map(|index| self.executor(index)).collect()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // What is left behind is looked at when a test failed.
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn application() -> Application {
    Application { namespace: "team".into(), name: "app".into(), uid: UID.into(), attempt: 1 }
}

fn engine() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onager-engine"));
    command.env_remove(endpoint::ENV_DRIVER).env_remove(endpoint::ENV_EXECUTOR).stdin(Stdio::null());
    command
}

/// A process whose output goes to files, killed when it is dropped.
pub struct Process {
    child: Child,
    name: String,
    log: PathBuf,
    out: PathBuf,
}

impl Process {
    fn start(mut command: Command, folder: &Path, name: &str) -> Self {
        let (log, out) = (folder.join(format!("{name}.log")), folder.join(format!("{name}.out")));
        command.stderr(fs::File::create(&log).expect("log")).stdout(fs::File::create(&out).expect("output"));
        Self { child: command.spawn().expect("process"), name: name.into(), log, out }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn output(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let ended = until(|| self.child.try_wait().expect("wait"));
        ended.unwrap_or_else(|| panic!("{} does not end; its log:\n{}", self.name, self.log()))
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_none()
    }

    /// Its exit code.
    pub fn code(&mut self) -> Option<i32> {
        self.wait().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- {}\n{}", self.name, self.log());
        }
    }
}

pub struct Driver {
    pub process: Process,
    address: String,
    summary: PathBuf,
}

impl Driver {
    pub fn summary(&self) -> Summary {
        let text = fs::read_to_string(&self.summary).expect("summary");
        serde_json::from_str(&text).expect("JSON")
    }

    pub fn is_running_tasks(&self) -> bool {
        self.progress().is_some_and(|progress| progress.running_tasks > 0)
    }

    pub fn progress(&self) -> Option<Progress> {
        let (status, body) = self.ask("GET", control::PROGRESS, Some(TOKEN), "")?;
        (status == 200).then(|| serde_json::from_str(&body).expect("JSON"))
    }

    pub fn tell_executor_lost(&self, index: u32) {
        let lost = serde_json::to_string(&ExecutorLost { index, reason: "its pod is gone".into() }).expect("JSON");
        let (status, _) = self.ask("POST", control::EXECUTOR_LOST, Some(TOKEN), &lost).expect("answer");
        assert_eq!(status, 204);
    }

    /// Asks that an executor gets no more tasks; whether it may go.
    pub fn drain(&self, index: u32, with_shuffle: bool) -> bool {
        let drain = serde_json::to_string(&Drain { index, with_shuffle }).expect("JSON");
        let (status, _) = self.ask("POST", control::DRAIN, Some(TOKEN), &drain).expect("answer");
        assert!(status == 204 || status == 409, "{status}");
        status == 204
    }

    /// An executor without a task, as the driver tells it.
    pub fn idle(&self, index: u32) -> Option<Idle> {
        self.progress()?.idle.into_iter().find(|idle| idle.index == index)
    }

    /// One request to the control channel; `None` while nobody listens.
    pub fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> Option<(u16, String)> {
        let token = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        let (status, _, body) = request(&self.address, endpoint::CONTROL_PORT, method, path, &token, body)?;
        Some((status, body))
    }

    /// What its user interface answers; `None` while nobody listens.
    pub fn page(&self, path: &str) -> Option<String> {
        let (status, _, body) = request(&self.address, endpoint::UI_PORT, "GET", path, "", "")?;
        (status == 200).then_some(body)
    }

    /// Status, headers and body of any request to its user interface.
    pub fn knock(&self, method: &str, path: &str, body: &str) -> (u16, String, String) {
        request(&self.address, endpoint::UI_PORT, method, path, "", body).expect("an answer")
    }

    /// Its metrics, each by name with its labels.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        metrics_at(&self.address)
    }
}

/// The metrics at an address, each by name with its labels.
pub fn metrics_at(address: &str) -> BTreeMap<String, f64> {
    let (status, head, body) = request(address, endpoint::METRICS_PORT, "GET", "/metrics", "", "").expect("metrics");
    assert!(status == 200 && head.contains("text/plain; version=0.0.4"), "{head}");
    let series = body.lines().filter(|line| !line.starts_with('#'));
    let series = series.map(|line| {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        (name.to_string(), value.parse().unwrap_or_else(|error| panic!("{line}: {error}")))
    });
    series.collect()
}

/// Status, headers and body of one request.
fn request(
    address: &str,
    port: u16,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Option<(u16, String, String)> {
    let mut stream = TcpStream::connect((address, port)).ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: driver\r\nConnection: close\r\n{headers}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    // The server tells the length of all it has at once; only long answers come in chunks.
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
    Some((status, head.to_string(), body.to_string()))
}

/// Polls until `look` sees something, or patience ends.
pub fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(seen) = look() {
            return Some(seen);
        }
        thread::sleep(Duration::from_millis(20));
    }
    None
}

/// Polls until `look` is true.
pub fn wait_for(what: &str, mut look: impl FnMut() -> bool) {
    until(|| look().then_some(())).unwrap_or_else(|| panic!("never: {what}"));
}

/// The lines of a printed table.
pub fn table(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with('|') || line.starts_with('+')).collect()
}
