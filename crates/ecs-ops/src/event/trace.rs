//! Events of a run as trace events. Fields are ids, counts and codes.

use tracing::{debug, info, trace, warn};

use super::Event;

/// Traces an event of a run. What the retry loop traces by itself is omitted.
pub(super) fn event(event: &Event) {
    match event {
        Event::Planned {
            servers, requests, ..
        } => info!(servers, requests, "run planned"),
        Event::Resumed {
            done,
            watched,
            unknown,
            unsent,
        } => {
            info!(done, watched, unknown, unsent, "run resumed");
        }
        Event::WaveBegan {
            wave,
            waves,
            servers,
        } => info!(wave, waves, servers, "wave began"),
        Event::WaveRechecked {
            wave,
            unready,
            skipped,
        } => {
            let unready = unready.len();
            warn!(wave, unready, skipped, "servers of a wave not ready");
        }
        Event::HealthChecked { wave, healthy, .. } => info!(wave, healthy, "health checked"),
        Event::WaitingForQuota {
            request, servers, ..
        } => {
            info!(request, servers, "waiting for the quota");
        }
        Event::WaitingForServers { request, servers } => {
            let held = servers.len();
            info!(request, held, "waiting for servers that other runs hold");
        }
        Event::Submitting { request, servers } => debug!(request, servers, "submitting"),
        Event::Accepted {
            request,
            servers,
            job_id,
            ..
        } => {
            info!(request, servers, job = %job_id, "request accepted");
        }
        Event::RequestEnded {
            request,
            servers,
            outcome,
            ..
        } => {
            warn!(
                request,
                servers,
                outcome = outcome.name(),
                "request ended without a job"
            );
        }
        Event::Reconciling {
            request, servers, ..
        } => info!(request, servers, "reconciling"),
        Event::Resubmitting {
            request,
            servers,
            maybe_executed,
        } => {
            warn!(request, servers, maybe_executed, "submitting again");
        }
        Event::JobStalled { job_id, .. } => warn!(job = %job_id, "job stalled"),
        Event::QueryFailed { job_id, .. } => info!(job = %job_id, "job not polled"),
        Event::ServerDone(server) => {
            trace!(server = %server.id, outcome = server.outcome.name(), "server done");
        }
        Event::Stopping { .. } => info!("run stopping"),
        _ => {}
    }
}
