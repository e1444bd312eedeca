//! Our client, by the public API.

use std::process::ExitCode;

use ecs_bench::{Action, Arguments, Usage, WARM_UP, print_failure, server_ids};
use ecs_client::RequestContext;
use ecs_ops::auth::{AccessKey, Credentials, StaticCredentials};
use ecs_ops::model::{BatchRebootServers, JobId, Operation as _, RebootType, ServerId, ShowJob};
use ecs_ops::transport::HyperTransport;
use ecs_ops::{Client, RunBuilder};

type Failure = Box<dyn std::error::Error>;

struct Ours {
    action: Action,
    client: Client,
    /// Sends single queries. It returns what the server shows, which may be any job: the servers of benchmarks have few.
    queries: ecs_client::Client,
    credentials: Credentials,
    project: ecs_ops::model::ProjectId,
    base_url: String,
    job_id: Option<JobId>,
    servers: Vec<ServerId>,
}

impl Ours {
    fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let key = AccessKey::new(&*arguments.access_key, &*arguments.secret_key)?;
        let credentials = Credentials::access_key(key);
        let project: ecs_ops::model::ProjectId = arguments.project_id.parse()?;
        let transport = HyperTransport::builder().no_proxy().build()?;
        let queries = ecs_client::Client::builder(arguments.base_url.parse()?, project.clone())
            .credentials(StaticCredentials::new(credentials.clone()))
            .transport(transport.clone())
            .requests_per_second(1_000_000_000)
            .build()?;
        // The pace that protects a service would be all that is measured.
        let client = Client::builder(arguments.base_url.parse()?, project.clone())
            .credentials(StaticCredentials::new(credentials.clone()))
            .transport(transport)
            .servers_per_minute(usize::MAX / 2)
            .requests_per_second(1_000_000_000)
            // A call is one request, and the server answers no other.
            .skip_service_check()
            .build()?;
        let ids = server_ids(arguments.servers);
        let parsed = ids.iter().map(|id| id.parse());
        let job_id = match arguments.action {
            Action::BenchJob | Action::Job => Some(arguments.job_id.parse()?),
            Action::BenchReboot | Action::BenchEncode => None,
        };
        Ok(Self {
            action: arguments.action,
            client,
            queries,
            credentials,
            project,
            base_url: arguments.base_url.clone(),
            job_id,
            servers: parsed.collect::<Result<_, _>>()?,
        })
    }

    async fn call(&self) -> Result<(), Failure> {
        match (self.action, &self.job_id) {
            (Action::BenchJob | Action::Job, Some(job_id)) => {
                let query = ShowJob::new(job_id.clone());
                let mut context = RequestContext::read();
                std::hint::black_box(self.queries.execute(&query, &mut context).await?);
            }
            (Action::BenchEncode, _) => {
                let operation = BatchRebootServers::new(RebootType::Soft, self.servers.clone())?;
                let mut request = operation.encode(&self.project);
                *request.uri_mut() = format!("{}{}", self.base_url, request.uri()).parse()?;
                let project = http::HeaderValue::from_str(self.project.as_str())?;
                request.headers_mut().insert("x-project-id", project);
                self.credentials
                    .authenticate(&mut request, jiff::Timestamp::now());
                std::hint::black_box(request);
            }
            _ => {
                let servers = self.servers.iter().copied();
                let run = self
                    .client
                    .reboot(RebootType::Soft, servers)
                    .batch_size(RunBuilder::MAX_BATCH_SIZE)
                    .no_wait();
                let report = run.report().await?;
                if report.summary().running != self.servers.len() {
                    return Err(format!("not accepted: {:?}", report.summary()).into());
                }
            }
        }
        Ok(())
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let ours = Ours::new(&arguments)?;
    if ours.action != Action::Job {
        for _ in 0..WARM_UP {
            ours.call().await?;
        }
    }
    let before = Usage::now();
    for _ in 0..arguments.calls {
        ours.call().await?;
    }
    before.print_since(arguments.calls);
    Ok(())
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = Arguments::parse(std::env::args().skip(1))
        .map_err(Failure::from)
        .and_then(|arguments| runtime?.block_on(run(arguments)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_failure(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
