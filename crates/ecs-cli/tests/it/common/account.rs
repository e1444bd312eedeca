//! An account at a region in another process, with a home directory.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Ended, Running, command};

/// The account of a region, with all of its credentials.
pub struct Account {
    pub info: Value,
    home: tempfile::TempDir,
    _sim: Running,
}

impl Account {
    /// Starts an `ecsctl sim` with these options.
    pub fn new(options: &[&str]) -> Self {
        Self::at_home(tempfile::tempdir().unwrap(), options)
    }

    /// Starts it with HTTPS; the CA is [`ca`](Self::ca).
    pub fn over_tls(options: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let ca = home.path().join("ca.pem");
        let tls = ["--tls", "--ca-out", ca.to_str().unwrap()];
        Self::at_home(home, &[options, &tls].concat())
    }

    fn at_home(home: tempfile::TempDir, options: &[&str]) -> Self {
        let quick = ["--servers", "2", "--job-seconds", "0..0"];
        let (sim, info) = Running::sim(&[&quick[..], options].concat());
        Self {
            info,
            home,
            _sim: sim,
        }
    }

    /// Returns a field of the first line of `ecsctl sim`.
    pub fn get(&self, name: &str) -> &str {
        self.info[name].as_str().unwrap()
    }

    /// Returns the endpoint of all services.
    pub fn url(&self) -> &str {
        self.get("listening")
    }

    pub fn ca(&self) -> String {
        self.home.path().join("ca.pem").to_str().unwrap().to_owned()
    }

    /// Writes a file that only its owner can read.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        only_mine(&path);
        path
    }

    pub fn remove(&self, path: &str) {
        let _ = std::fs::remove_file(self.home.path().join(path));
    }

    /// Runs `ecsctl` in the home directory, with an empty environment.
    pub fn run(&self, arguments: &[&str], variables: &[(&str, &str)], stdin: &str) -> Ended {
        let mut command = command(arguments);
        command
            .env("HOME", self.home.path())
            .envs(variables.iter().copied())
            .current_dir(self.home.path());
        Ended::with_stdin(&mut command, stdin)
    }

    /// Returns the document of `auth check`.
    #[track_caller]
    pub fn check(&self, options: &[&str], variables: &[(&str, &str)], code: i32) -> Value {
        let arguments = [&["auth", "check", "-o", "json"], options].concat();
        self.run(&arguments, variables, "").expect(code).json()
    }

    /// Queries the region over HTTP, and returns head and body.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> (String, String) {
        ask(self.url(), method, path, body)
    }

    /// Returns a temporary key: access key, secret key, security token.
    pub fn temporary(&self) -> [String; 3] {
        let (_, body) = self.ask("GET", "/openstack/latest/securitykey", "");
        let body: Value = serde_json::from_str(&body).unwrap();
        let text = |name: &str| body["credential"][name].as_str().unwrap().to_owned();
        [text("access"), text("secret"), text("securitytoken")]
    }

    /// Returns a token of IAM for the project.
    pub fn token(&self) -> String {
        let user = serde_json::json!({"id": self.get("user_id"), "password": self.get("password")});
        let login = serde_json::json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": self.get("project_id")}},
        }});
        let (head, _) = self.ask("POST", "/v3/auth/tokens", &login.to_string());
        let mut lines = head.lines();
        let token = lines.find(|line| line.to_lowercase().starts_with("x-subject-token"));
        token.unwrap().split_once(": ").unwrap().1.to_owned()
    }
}

/// Sends one request over a new connection.
pub fn ask(url: &str, method: &str, path: &str, body: &str) -> (String, String) {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[cfg(unix)]
pub fn only_mine(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
pub fn only_mine(_: &Path) {}
