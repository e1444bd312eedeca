//! nginx and HAProxy as separate processes: on free loopback ports, in their own directory, ended
//! with the test.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The time limit for a program to listen.
const START: Duration = Duration::from_secs(20);

/// A gateway that is a real program.
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    directory: tempfile::TempDir,
    pub(crate) address: SocketAddr,
}

impl Program {
    /// Starts nginx with these lines in its `http` block, where `LISTEN` is replaced by the address
    /// to listen on and `UPSTREAM` by the service. If nginx is not installed, returns `None` and
    /// writes a line to stderr.
    pub(crate) fn nginx(http: &str, upstream: SocketAddr) -> Option<Self> {
        let program = installed("nginx")?;
        let frame = format!(
            "daemon off; worker_processes 2; pid nginx.pid; error_log stderr error;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n\
             access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n\
             uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n{http}\n}}\n"
        );
        Some(Self::start("nginx", &frame, upstream, |directory, file| {
            let mut command = Command::new(&program);
            command
                .arg("-p")
                .arg(directory)
                .arg("-c")
                .arg(file)
                .args(["-e", "stderr"]);
            command
        }))
    }

    /// Starts HAProxy with these sections after `defaults`, in the same way.
    pub(crate) fn haproxy(sections: &str, upstream: SocketAddr) -> Option<Self> {
        let program = installed("haproxy")?;
        let frame = format!(
            "global\n  maxconn 256\n\
             defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n  timeout queue 30s\n\
             {sections}\n"
        );
        Some(Self::start("haproxy", &frame, upstream, |_, file| {
            let mut command = Command::new(&program);
            command.args(["-W", "-db", "-f"]).arg(file);
            command
        }))
    }

    fn start(
        name: &'static str,
        configuration: &str,
        upstream: SocketAddr,
        command: impl Fn(&Path, &Path) -> Command,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = free_port();
        let file = directory.path().join("gateway.conf");
        let configuration = configuration
            .replace("LISTEN", &address.to_string())
            .replace("UPSTREAM", &upstream.to_string());
        std::fs::write(&file, configuration).unwrap();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let child = command(directory.path(), &file)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut program = Self {
            name,
            child,
            directory,
            address,
        };
        program.wait_for_listener();
        program
    }

    fn wait_for_listener(&mut self) {
        let began = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < START,
                "{} does not listen ({ended:?}): {}",
                self.name,
                std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Reloads its configuration: old workers end when they have nothing left to do.
    pub(crate) fn reload(&self) {
        let signal = match self.name {
            "nginx" => "HUP",
            _ => "USR2",
        };
        send(signal, &self.child.id().to_string());
    }

    /// Kills its workers; the master starts others.
    pub(crate) fn kill_workers(&self) {
        for worker in children(self.child.id()) {
            send("KILL", &worker);
        }
    }

    /// Waits until it has this number of workers: it listens before it starts them.
    pub(crate) fn wait_for_workers(&self, expected: usize) {
        let began = Instant::now();
        while children(self.child.id()).len() != expected {
            assert!(began.elapsed() < START, "{} has no workers", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The master ends its workers on TERM, and would leave them on KILL.
        send("TERM", &self.child.id().to_string());
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(10) {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill_workers();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(signal: &str, process: &str) {
    // The command that every system has: no crate for three signals.
    let _ = Command::new("kill").args(["-s", signal, process]).status();
}

/// Returns the child processes of a process.
fn children(process: u32) -> Vec<String> {
    let path = format!("/proc/{process}/task/{process}/children");
    let children = std::fs::read_to_string(path).unwrap_or_default();
    children.split_whitespace().map(str::to_owned).collect()
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian installs servers here, which the PATH of an ordinary user may not name.
    let directories =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = directories
        .map(|directory| directory.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        let package = if name == "nginx" { "nginx-light" } else { name };
        // Bypasses the test harness, which captures output.
        let _ = writeln!(
            std::io::stderr(),
            "LEFT OUT: {name} is not installed (apt-get install {package}); what it does to a request was not tested"
        );
    }
    found
}
