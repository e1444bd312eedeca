//! Runs `ecsctl` as a process, against a region in this process (so that accepted requests can be seen) or in another
//! one.

use std::io::{BufRead, BufReader, Write};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use ecs_ops::model::ServerId;
use ecs_sim::{Region, RegionBuilder, Server, ServerInfo, SimServer};
use secrecy::ExposeSecret;
use serde_json::Value;

pub mod account;
#[cfg(unix)]
pub mod terminal;
pub mod way;

/// The longest time that a test waits for a condition; reached only if the test fails.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Waits until a condition holds; `condition` describes it in one clause.
#[track_caller]
pub fn wait_until(condition: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LIMIT, "not within {LIMIT:?}: {condition}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A region in this process.
pub struct Sim {
    server: SimServer,
    /// The speed of its clock.
    speed: u32,
    // The last field, so that it is dropped last.
    _runtime: tokio::runtime::Runtime,
}

impl Sim {
    pub fn start(speed: u32, settings: impl FnOnce(RegionBuilder) -> RegionBuilder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let region = settings(Region::builder().servers(3).seed(5))
            .build()
            .unwrap();
        let server = Server::builder(region).speed(NonZeroU32::new(speed).unwrap());
        let server = runtime.block_on(SimServer::start(server)).unwrap();
        Self {
            server,
            speed,
            _runtime: runtime,
        }
    }

    pub fn info(&self) -> &ServerInfo {
        self.server.info()
    }

    pub fn id(&self, index: usize) -> String {
        self.info().servers[index].to_string()
    }

    pub fn ids(&self) -> Vec<String> {
        self.info()
            .servers
            .iter()
            .map(ServerId::to_string)
            .collect()
    }

    /// The options that select the region.
    pub fn options(&self) -> Vec<String> {
        let info = self.info();
        options(
            &info.listening,
            info.project_id.as_str(),
            info.token.expose_secret(),
        )
    }

    /// Returns `ecsctl` with these arguments against the region, on the region's time: its waits are shortened by the
    /// speed of the region's clock.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let given = arguments.iter().map(ToString::to_string);
        let mut command = command(given.chain(self.options()));
        command.env("ECSCTL_SIM_SPEED", self.speed.to_string());
        command
    }

    /// Reads the state of the region.
    pub fn with<T>(&self, read: impl FnOnce(&mut Region) -> T) -> T {
        self.server.region().with(read)
    }

    /// Returns the time of its clock at the last request.
    pub fn server_time(&self) -> std::time::Duration {
        self.server.region().with(|region| region.now())
    }

    /// Returns the number of accepted servers of all requests.
    pub fn accepted(&self) -> usize {
        let entries = |region: &mut Region| {
            region
                .accepted()
                .entries()
                .iter()
                .map(|item| item.servers.len())
                .sum()
        };
        self.server.region().with(entries)
    }
}

pub fn options(endpoint: &str, project: &str, token: &str) -> Vec<String> {
    [
        "--endpoint",
        endpoint,
        "--project-id",
        project,
        "--token",
        token,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The exit code and the output of a process.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// Runs a command to its end, with this on stdin.
    pub fn with_stdin(command: &mut Command, stdin: &str) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The process may end without reading.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        Self::from(child.wait_with_output().unwrap())
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Asserts that nothing was done, and that the error contains each of these texts.
    #[track_caller]
    pub fn refuses(self, code: i32, expected: &[&str]) -> Self {
        let ended = self.expect(code);
        assert!(ended.stderr.contains("error: "), "{}", ended.stderr);
        for word in expected {
            assert!(
                ended.stderr.contains(word),
                "{word:?} is missing in: {}",
                ended.stderr
            );
        }
        ended
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {}", self.stdout))
    }

    pub fn lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub fn command<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    #[cfg(unix)]
    terminal::restore_signals();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecsctl"));
    command.args(arguments).stdin(Stdio::null());
    // No settings of the developer: neither credentials nor proxies. No process listens at port 9.
    command.env_clear();
    for name in ["PATH", "LLVM_PROFILE_FILE", "SystemRoot"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("HOME", "/nonexistent")
        .env("XDG_STATE_HOME", state())
        .env("ECSCTL_METADATA_ENDPOINT", "http://127.0.0.1:9");
    command
}

/// The folder for journals and active runs of this process's tests.
pub fn state() -> &'static Path {
    static STATE: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());
    STATE.path()
}

/// Runs a command to its end.
pub fn ecsctl<S: AsRef<str>>(arguments: &[&str], more: &[S]) -> Ended {
    with_stdin(arguments, more, "")
}

pub fn with_stdin<S: AsRef<str>>(arguments: &[&str], more: &[S], stdin: &str) -> Ended {
    let more = more.iter().map(AsRef::as_ref);
    let mut command = command(arguments.iter().copied().chain(more));
    Ended::with_stdin(&mut command, stdin)
}

/// A process that is killed at the end of the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    pub fn spawn<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        Self::of(&mut command(arguments))
    }

    /// Starts a command with pipes for its output.
    pub fn of(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Starts `ecsctl sim`, and returns its first line.
    pub fn sim(arguments: &[&str]) -> (Self, Value) {
        let mut sim = Self::spawn(["sim", "--quiet"].iter().chain(arguments));
        let mut line = String::new();
        let mut stdout = BufReader::new(sim.0.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        (sim, serde_json::from_str(&line).unwrap())
    }

    /// Reads stderr until a line contains this text.
    #[track_caller]
    pub fn until(stderr: &mut impl BufRead, expected: &str) {
        let mut seen = String::new();
        loop {
            let before = seen.len();
            assert_ne!(
                stderr.read_line(&mut seen).unwrap(),
                0,
                "ended before {expected:?}: {seen}"
            );
            if seen[before..].contains(expected) {
                return;
            }
        }
    }

    /// Waits for the first line of stdout, and reads nothing after it.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub fn first_line(&mut self) -> String {
        let stdout = self.0.stdout.as_mut().unwrap();
        let bytes = std::io::Read::bytes(stdout).map(Result::unwrap);
        let line = bytes.take_while(|byte| *byte != b'\n').collect();
        String::from_utf8(line).unwrap()
    }

    pub fn signal(&self, name: &str) {
        signal(&self.0, name);
    }

    /// Stops the process (SIGSTOP) while it holds no lock of a SQLite file: within a write, everybody
    /// else would wait until it continues.
    #[cfg(all(unix, any(feature = "postgres", feature = "sqlite")))]
    pub fn stop_between_writes(&self) {
        let pid = self.0.id().to_string();
        let writes = |lock: &str| {
            let fields: Vec<&str> = lock.split_whitespace().collect();
            matches!(fields[..], [_, "POSIX", _, "WRITE", of, ..] if of == pid)
        };
        wait_until("the process is stopped outside of a write", || {
            self.signal("STOP");
            let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
            let stopped = !locks.lines().any(writes);
            if !stopped {
                self.signal("CONT");
            }
            stopped
        });
    }

    /// Waits for the end and returns the output.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub fn ended(mut self) -> Ended {
        let reader = |mut from: Box<dyn std::io::Read + Send>| {
            std::thread::spawn(move || {
                let mut text = String::new();
                from.read_to_string(&mut text).unwrap();
                text
            })
        };
        let stdout = reader(Box::new(self.0.stdout.take().unwrap()));
        let stderr = reader(Box::new(self.0.stderr.take().unwrap()));
        Ended {
            code: self.wait().code(),
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
        }
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }
}

pub fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    let status = Command::new("sh").args(["-c", &kill]).status();
    assert!(status.unwrap().success());
}

/// Returns the options that select an `ecsctl sim`.
pub fn options_of(info: &Value) -> Vec<String> {
    let text = |key: &str| info[key].as_str().unwrap().to_owned();
    options(&text("listening"), &text("project_id"), &text("token"))
}

/// Returns the outcomes of a report, in its order.
pub fn outcomes(report: &Value) -> Vec<&str> {
    let servers = report["servers"].as_array().unwrap();
    servers
        .iter()
        .map(|server| server["outcome"].as_str().unwrap())
        .collect()
}

/// Compares a long text with the reviewed one in `snapshots/`. After an intended change, `INSTA_UPDATE=always cargo
/// test -p ecs-cli --test it` rewrites the snapshots; review the diff.
#[track_caller]
pub fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Returns an address of this machine at which no process listens.
pub fn dead_endpoint() -> String {
    // Bound and never listening: connections are refused, and nobody else gets the port.
    static SOCKET: LazyLock<tokio::net::TcpSocket> = LazyLock::new(|| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket
    });
    format!("http://{}", SOCKET.local_addr().unwrap())
}
