//! `ecsctl sim` as a process, and a client of negligible cost.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use super::pinned;

/// The speed of its clock, as a multiple of real time.
const SPEED: &str = "20";
/// The number of servers that its service accepts in a minute: more than any run has.
const QUOTA: &str = "1000000";

/// A listening simulator.
pub(super) struct Simulator {
    pub(super) process: Child,
    /// Its first line.
    info: Value,
}

impl Simulator {
    /// Starts a simulator of this many servers, on its own core.
    pub(super) fn start(programs: &Path, servers: usize) -> Result<Self, String> {
        let mut command = pinned("1", &programs.join("ecsctl"));
        command
            .args(["sim", "--listen", "127.0.0.1:0", "--speed", SPEED])
            .args(["--quota", QUOTA, "--servers", &servers.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let started = command.spawn();
        let mut process = started.map_err(|error| format!("ecsctl sim: {error}"))?;
        let mut line = String::new();
        let read = process
            .stdout
            .take()
            .map(|out| BufReader::new(out).read_line(&mut line));
        match (read, serde_json::from_str(&line)) {
            (Some(Ok(_)), Ok(info)) => Ok(Self { process, info }),
            _ => {
                let mut simulator = Self {
                    process,
                    info: Value::Null,
                };
                simulator.end();
                Err("ecsctl sim does not say where it listens".to_owned())
            }
        }
    }

    /// Returns a text field of its first line.
    pub(super) fn info(&self, key: &str) -> &str {
        self.info[key].as_str().unwrap_or_default()
    }

    /// Returns the ids of its servers, one per line.
    pub(super) fn ids(&self) -> String {
        let servers = self.info["servers"].as_array();
        let ids = servers.into_iter().flatten().filter_map(Value::as_str);
        ids.map(|id| format!("{id}\n")).collect()
    }

    /// Returns the arguments of `ecsctl` for this simulator, except its clock, which is
    /// `ECSCTL_SIM_SPEED`.
    pub(super) fn arguments(&self) -> [&str; 8] {
        let (address, project) = (self.info("listening"), self.info("project_id"));
        let (key, secret) = (self.info("access_key"), self.info("secret_key"));
        #[rustfmt::skip]
        let arguments = [
            "--endpoint", address, "--project-id", project, "--access-key", key, "--secret-key", secret,
        ];
        arguments
    }

    /// Returns the value of `ECSCTL_SIM_SPEED`.
    pub(super) fn speed() -> &'static str {
        SPEED
    }

    /// Reads a path this many times, on one connection, and returns the bytes of the last answer.
    pub(super) fn read(&self, path: &str, times: usize) -> Result<usize, String> {
        let failed = |error: std::io::Error| format!("ecsctl sim: {error}");
        let address = self.info("listening").trim_start_matches("http://");
        let stream = TcpStream::connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nx-auth-token: {}\r\n\r\n",
            self.info("token")
        );
        let (mut reader, mut writer) = (BufReader::new(&stream), &stream);
        let mut body = Vec::new();
        for _ in 0..times {
            writer.write_all(request.as_bytes()).map_err(failed)?;
            let mut length = None;
            let mut line = String::new();
            let mut status = String::new();
            loop {
                line.clear();
                reader.read_line(&mut line).map_err(failed)?;
                let head = line.trim_end();
                if head.is_empty() {
                    break;
                }
                if status.is_empty() {
                    head.clone_into(&mut status);
                }
                if let Some((name, value)) = head.split_once(':')
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().ok();
                }
            }
            if !status.contains(" 200 ") {
                return Err(format!("ecsctl sim answered {status:?} to {path}"));
            }
            body.resize(length.unwrap_or(0), 0);
            reader.read_exact(&mut body).map_err(failed)?;
        }
        Ok(body.len())
    }

    fn end(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.end();
    }
}
