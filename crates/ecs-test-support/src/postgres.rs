//! A real PostgreSQL server for tests, in a temporary folder, as an ordinary user.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// A server that ends with this value, and in any case with the process of the test.
#[derive(Debug)]
pub struct Postgres {
    control: Mutex<Control>,
    directory: String,
    port: u16,
}

#[derive(Debug)]
struct Control {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// A certificate with its key, in PEM.
#[derive(Debug)]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Postgres {
    /// Starts a server. If PostgreSQL is not installed, returns `None` and writes a line to stderr,
    /// which is shown even for passing tests.
    ///
    /// # Errors
    /// The server did not start.
    pub fn start(certificate: Option<&Certificate>) -> Option<std::io::Result<Self>> {
        if !is_installed() {
            let line =
                "LEFT OUT: tests against PostgreSQL (no initdb here; apt-get install postgresql)";
            // Not by the macro, whose output the test harness captures.
            let _ = writeln!(std::io::stderr(), "{line}");
            return None;
        }
        Some(Self::start_installed(certificate))
    }

    fn start_installed(certificate: Option<&Certificate>) -> std::io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = shell();
        command
            .args(["-c", include_str!("postgres/server.sh"), "server.sh"])
            .arg(port.to_string());
        if let Some(Certificate { certificate, key }) = certificate {
            command.args([certificate, key]);
        }
        let mut child = command
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let gone = || std::io::Error::other("the server's script has ended");
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().ok_or_else(gone)?);
        let mut control = Control {
            child,
            stdin,
            stdout,
        };
        let directory = control.line()?;
        let server = Self {
            control: Mutex::new(control),
            directory,
            port,
        };
        server.restart()?;
        Ok(server)
    }

    /// Creates an empty database.
    ///
    /// # Errors
    /// The database exists, or the server does not run.
    pub fn create_database(&self, name: &str) -> std::io::Result<()> {
        self.command(&format!("create {name}"), "created")
    }

    /// Executes statements as the owner, in one line and one transaction.
    ///
    /// # Errors
    ///
    /// The statements fail, or the server does not run.
    pub fn execute(&self, database: &str, statements: &str) -> std::io::Result<()> {
        let statements = statements.replace('\n', " ");
        self.command(&format!("execute {database} {statements}"), "executed")
    }

    /// Returns the address of a database over a Unix socket, for a role that needs no password
    /// there. `owner` has all rights.
    pub fn address(&self, role: &str, database: &str) -> String {
        let directory = self.directory.replace('/', "%2F");
        format!("postgres://{role}@{directory}:{}/{database}", self.port)
    }

    /// Returns the address of a database over TCP, where a role needs its password.
    pub fn tcp_address(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns the folder of its Unix socket.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// Returns the port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server as a crash of the machine would, except for the disk's cache.
    ///
    /// # Errors
    /// The server did not run.
    pub fn kill(&self) -> std::io::Result<()> {
        self.command("kill", "killed")
    }

    /// Stops the server, which cuts its connections.
    ///
    /// # Errors
    /// The server did not run.
    pub fn stop(&self) -> std::io::Result<()> {
        self.command("stop", "stopped")
    }

    /// Starts the server again; after a kill it recovers.
    ///
    /// # Errors
    /// It did not start.
    pub fn restart(&self) -> std::io::Result<()> {
        self.command("start", "started")
    }

    /// Starts a hot standby of it, which ends with it. Returns its port; its Unix socket is in the same
    /// folder.
    ///
    /// # Errors
    /// The server does not run, or the standby does not start.
    pub fn start_standby(&self) -> std::io::Result<u16> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        self.command(&format!("standby {port}"), "following")?;
        Ok(port)
    }

    fn command(&self, command: &str, expected: &str) -> std::io::Result<()> {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stdin) = &mut control.stdin {
            writeln!(stdin, "{command}")?;
        }
        match control.line()?.as_str() {
            answer if answer == expected => Ok(()),
            answer => Err(std::io::Error::other(format!("{command}: {answer}"))),
        }
    }
}

impl Control {
    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // The script ends with its input and removes the folder.
        self.stdin = None;
        let _ = self.child.wait();
    }
}

fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).any(|folder| folder.join("initdb").is_file());
    let versions = Path::new("/usr/lib/postgresql").read_dir();
    let mut versions = versions.into_iter().flatten().flatten();
    on_path || versions.any(|version| version.path().join("bin/initdb").is_file())
}

/// Returns a shell of an unprivileged user: PostgreSQL refuses to run as root.
pub fn shell() -> Command {
    let id = Command::new("id").arg("-u").output();
    let is_root = id.is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !is_root {
        return Command::new("sh");
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "nobody", "--", "sh"]);
    command
}
