//! A region behind a real socket, clients that reach it through a gateway, and the comparison with
//! the truth.

use std::num::NonZeroU32;
use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::transport::HyperTransport;
use ecs_ops::{Client, Error, Outcome, Report, RetryPolicy, RunBuilder, jobs::Polling};
use ecs_sim::{Region, Server, SimServer};
use secrecy::ExposeSecret as _;

/// The speed of the clocks of region and client, as a multiple of real time, so that three minutes
/// of reconciling are nine seconds.
pub(crate) const SPEED: u32 = 20;
const BRIEF: Duration = Duration::from_millis(100);
/// Longer than any run here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) async fn region(servers: usize) -> SimServer {
    let region = Region::builder().servers(servers).seed(3).build().unwrap();
    let speed = NonZeroU32::new(SPEED).unwrap();
    SimServer::start(Server::builder(region).speed(speed))
        .await
        .unwrap()
}

/// Returns a client that reaches the region at this URL.
pub(crate) fn client(region: &SimServer, url: &str, attempt_timeout: Duration) -> Client {
    let info = region.info();
    let token = Credentials::token(info.token.expose_secret()).unwrap();
    let transport = HyperTransport::builder().no_proxy().native_roots(false);
    Client::builder(url.parse().unwrap(), info.project_id.clone())
        .credentials(StaticCredentials::new(token))
        .transport(transport.build().unwrap())
        .attempt_timeout(attempt_timeout)
        .time_factor(f64::from(SPEED))
        .polling(Polling::adaptive(BRIEF, BRIEF, BRIEF))
        .retry(RetryPolicy::default().with_backoff(BRIEF, BRIEF))
        .seed(1)
        .build()
        .unwrap()
}

/// Restarts all servers of the region, in requests of this size.
pub(crate) fn reboot(client: &Client, region: &SimServer, batch: usize) -> RunBuilder {
    let ids: Vec<ServerId> = region.info().servers.clone();
    client
        .reboot(RebootType::Soft, ids)
        .batch_size(batch)
        .deadline(Duration::from_secs(60))
}

pub(crate) async fn finish(run: RunBuilder) -> Report {
    try_finish(run).await.unwrap()
}

/// Runs to the end; `Err` if the run did not begin, so that nothing was sent.
pub(crate) async fn try_finish(run: RunBuilder) -> Result<Report, Error> {
    let run = run.begin().await?;
    let report = tokio::time::timeout(PATIENCE, async move { run.await }).await;
    Ok(report.expect("a run does not end"))
}

/// Returns the number of servers with this outcome.
pub(crate) fn count(report: &Report, outcome: &str) -> usize {
    let servers = report.servers.iter();
    servers
        .filter(|server| server.outcome.name() == outcome)
        .count()
}

/// Checks the guarantee: no server is executed twice, and certain claims of a report are true by
/// the service's record.
#[track_caller]
pub(crate) fn check(name: &str, report: &Report, region: &SimServer) {
    region.region().with(|region| {
        let accepted = region.accepted();
        assert!(
            accepted.most_times() <= 1,
            "{name}: a server was executed {} times",
            accepted.most_times()
        );
        for server in &report.servers {
            let executed = accepted.times(&server.id) > 0;
            let claim = match &server.outcome {
                Outcome::NotAttempted { .. } | Outcome::Failed { job_id: None, .. } => Some(false),
                Outcome::Succeeded { .. } | Outcome::Running { .. } => Some(true),
                _ => None,
            };
            assert!(
                claim.is_none_or(|claim| claim == executed),
                "{name}: {} is reported as {} ({:?}), executed: {executed}",
                server.id,
                server.outcome.name(),
                server.outcome.error()
            );
        }
    });
}
