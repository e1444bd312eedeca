//! The arguments of the programs.

/// The measured action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Queries of one job, after a warm-up.
    BenchJob,
    /// Restarts that are not waited for, after a warm-up.
    BenchReboot,
    /// Encoding and signing of such restarts, sending nothing.
    BenchEncode,
    /// Queries of one job from a cold start: no warm-up.
    Job,
}

/// The arguments of a measured program.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// The address of the service.
    pub base_url: String,
    /// The measured action.
    pub action: Action,
    /// The job that is queried.
    pub job_id: String,
    /// The number of servers that one request restarts.
    pub servers: usize,
    /// The number of calls.
    pub calls: u32,
    /// The id of the access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// The project.
    pub project_id: String,
    /// `true` if the body of an answer is read and thrown away (baselines only).
    pub skip_body: bool,
    /// `true` if each request has a connection of its own (`hand` only).
    pub fresh: bool,
}

impl Arguments {
    /// Reads arguments: `--base-url U --action A --job-id ID --count SERVERS -n CALLS --ak A --sk S --project-id P`.
    ///
    /// # Errors
    /// Says which argument is unknown, lacks its value, or cannot be read.
    pub fn parse(given: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self {
            base_url: String::new(),
            action: Action::BenchJob,
            job_id: String::new(),
            servers: 1,
            calls: 1,
            access_key: "QTWAOYTTINDUT2QVKYUC".to_owned(),
            secret_key: "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc".to_owned(),
            project_id: "5dd3c0b24cdc4d31952c49589182a89d".to_owned(),
            skip_body: false,
            fresh: false,
        };
        let mut given = given.into_iter();
        while let Some(name) = given.next() {
            if name == "--skip-body" {
                arguments.skip_body = true;
                continue;
            }
            if name == "--fresh" {
                arguments.fresh = true;
                continue;
            }
            let value = given
                .next()
                .ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = |_| format!("{name} needs a number, not {value:?}");
            match name.as_str() {
                "--base-url" => arguments.base_url = value.trim_end_matches('/').to_owned(),
                "--action" => arguments.action = action(&value)?,
                "--job-id" => arguments.job_id = value,
                "--count" => arguments.servers = value.parse().map_err(wrong)?,
                "-n" => arguments.calls = value.parse().map_err(wrong)?,
                "--ak" => arguments.access_key = value,
                "--sk" => arguments.secret_key = value,
                "--project-id" => arguments.project_id = value,
                _ => return Err(format!("unknown argument {name}")),
            }
        }
        if arguments.base_url.is_empty() {
            return Err("--base-url is needed".to_owned());
        }
        Ok(arguments)
    }
}

fn action(name: &str) -> Result<Action, String> {
    match name {
        "bench-job" => Ok(Action::BenchJob),
        "bench-reboot" => Ok(Action::BenchReboot),
        "bench-encode" => Ok(Action::BenchEncode),
        "job" => Ok(Action::Job),
        _ => Err(format!(
            "unknown action {name}: bench-job, bench-reboot, bench-encode or job is needed"
        )),
    }
}
