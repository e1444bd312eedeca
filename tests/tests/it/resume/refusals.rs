//! Refusals of a resume.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::Client;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::{Journal as _, MemoryJournal, Record, Recovered, RollingRecord, RunRecord};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::rolling::Rules;
use ecs_ops::transport::{Attempt, BoxFuture, Transport, TransportError};
use ecs_ops::{OnUnknown, PowerAction, RunBuilder};
use http::{Method, Request, Response};
use tokio::time::Instant;

use super::lives::on_paused_time;

/// Refuses everything; no action may arrive.
#[derive(Debug)]
struct Refusing;

impl Transport for Refusing {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        _: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        assert_eq!(*request.method(), Method::GET);
        let refusal = Bytes::from_static(br#"{"error_code":"APIGW.0301","error_msg":"no"}"#);
        Box::pin(async { Ok(Response::builder().status(401).body(refusal).unwrap()) })
    }
}

/// Two waves with ten hours between them; the first one is over.
async fn between_waves() -> RunBuilder {
    let servers = [1, 2].map(|byte| ServerId::from_bytes([byte; 16]));
    let endpoint = "https://ecs.example".parse().unwrap();
    let action = PowerAction::Reboot(RebootType::Soft);
    let mut run = RunRecord::new(
        "r",
        &endpoint,
        "p".parse().unwrap(),
        action,
        servers.to_vec(),
    );
    run.reconcile = true;
    let rules = Rules {
        pause: Duration::from_secs(36_000),
        ..Rules::default()
    };
    run.rolling = Some(RollingRecord::new(
        servers.map(|id| vec![id]).to_vec(),
        &rules,
    ));
    let journal = Arc::new(MemoryJournal::default());
    let at = "2026-11-24T01:00:00Z".parse().unwrap();
    for record in [Record::Run(Box::new(run)), Record::WaveBegan { wave: 0 }] {
        journal.append(at, record).await.unwrap();
    }
    let outcome = serde_json::json!({
        "kind": "verdicts",
        "servers": [{"id": servers[0], "outcome": "failed", "job_id": null, "shown_by": null, "error": null}],
    });
    journal
        .append(at, serde_json::from_value(outcome).unwrap())
        .await
        .unwrap();
    let token = Credentials::token("t").unwrap();
    let client = Client::builder(endpoint, "p".parse().unwrap())
        .credentials(StaticCredentials::new(token))
        .transport(Refusing)
        .build()
        .unwrap();
    let recovered = Recovered::from_entries(journal.entries()).unwrap();
    client.resume(journal, recovered).unwrap()
}

/// Refused credentials are reported at once, not after ten hours.
#[test]
fn refused_credentials_end_the_run_at_once() {
    on_paused_time(async {
        let began = Instant::now();
        let report = between_waves().await.report().await.unwrap();
        assert!(report.refused.is_some());
        assert_eq!(report.summary().not_attempted, 1);
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{:?}",
            began.elapsed()
        );
    });
}

/// It would be sent beside the waves.
#[test]
fn unknown_servers_are_not_resubmitted() {
    on_paused_time(async {
        let run = between_waves().await.on_unknown(OnUnknown::Resubmit);
        let expected = run.plan().unwrap_err().to_string();
        assert!(expected.contains("outside its waves"), "{expected}");
    });
}
