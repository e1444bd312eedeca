//! Cloud Trace Service: the requested actions. In the cloud it has its own host.

use ecs_model::{ListTraces, RebootType, ServerId, StopType};
use http::StatusCode;
use serde_json::{Value, json};

use super::Region;
use crate::Action;
use crate::answer::Answer;
use crate::traces::{TraceAccess, TraceRecord};

impl Region {
    /// Records a requested action.
    pub(super) fn trace(
        &mut self,
        (action, servers): (Action, &[ServerId]),
        (user_id, request_id): (&str, &str),
        answer: &Answer,
    ) {
        let (head, body) = answer.clone().into_response(request_id).into_parts();
        let body = String::from_utf8_lossy(&body).into_owned();
        let answer = (head.status.as_u16(), body);
        self.traces
            .push(self.now, (action, servers), (user_id, request_id), answer);
    }

    /// Answers a query of traces.
    pub(super) fn list_traces(&self, query: &ListTraces) -> Answer {
        match self.settings.traces {
            TraceAccess::Readable | TraceAccess::WithoutJobs => {}
            TraceAccess::NotEnabled => {
                return Answer::found(
                    &json!({"traces": [], "meta_data": {"count": 0, "marker": null}}),
                );
            }
            TraceAccess::Denied => {
                let message = "Policy does not allow cts:trace:list to be performed.";
                return Answer::Gateway(StatusCode::FORBIDDEN, "CTS.0013", message.to_owned());
            }
            TraceAccess::Absent => {
                let message = "no API has this path".to_owned();
                return Answer::Gateway(StatusCode::NOT_FOUND, "APIGW.0101", message);
            }
        }
        let wanted = |trace: &&TraceRecord| {
            let at = self.milliseconds(trace.at);
            query.trace_name().is_none_or(|name| name == trace.name())
                && query.service_type().is_none_or(|service| service == "ECS")
                && query.from().is_none_or(|from| at >= from)
                && query.to().is_none_or(|to| at <= to)
        };
        let limit = query.limit().unwrap_or(ListTraces::DEFAULT_LIMIT);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = self.traces.visible(self.now).filter(wanted);
        if let Some(marker) = query.next() {
            // Entries older than the last one of the previous page.
            found.by_ref().find(|trace| trace.id == marker);
        }
        let page: Vec<&TraceRecord> = found.by_ref().take(limit).collect();
        let marker = found.next().and(page.last()).map(|last| last.id.clone());
        let shown: Vec<Value> = page.iter().map(|trace| self.show_trace(trace)).collect();
        Answer::found(&json!({
            "meta_data": {"count": shown.len(), "marker": marker},
            "traces": shown,
        }))
    }

    fn show_trace(&self, trace: &TraceRecord) -> Value {
        let request = body_of(trace.action, &trace.servers);
        let (status, response) = &trace.answer;
        let response = match self.settings.traces {
            TraceAccess::WithoutJobs => Value::Null,
            _ => serde_json::from_str(response).unwrap_or_default(),
        };
        // The documentation shows both texts and objects.
        let as_text = trace
            .id
            .bytes()
            .next_back()
            .is_some_and(|last| last % 2 == 0);
        let shown = |value: Value| {
            if as_text {
                Value::String(value.to_string())
            } else {
                value
            }
        };
        json!({
            "trace_id": trace.id,
            "trace_name": trace.name(),
            "trace_rating": if *status < 400 { "normal" } else { "warning" },
            "trace_type": "ApiCall",
            "service_type": "ECS",
            "resource_type": "ecs",
            "resource_id": trace.servers.first(),
            "time": self.milliseconds(trace.at),
            "record_time": self.milliseconds(trace.visible),
            "code": status.to_string(),
            "request_id": trace.request_id,
            "source_ip": "10.45.152.59",
            "user": {"id": trace.user_id, "name": "simulated"},
            "request": shown(request),
            "response": shown(response),
        })
    }

    fn milliseconds(&self, at: std::time::Duration) -> u64 {
        let at = self.calendar().time(at).as_millisecond();
        u64::try_from(at).unwrap_or_default()
    }
}

/// Returns the body of a request.
fn body_of(action: Action, servers: &[ServerId]) -> Value {
    let ids: Vec<Value> = servers.iter().map(|id| json!({"id": id})).collect();
    match action {
        Action::Reboot(RebootType::Soft) => json!({"reboot": {"type": "SOFT", "servers": ids}}),
        Action::Reboot(RebootType::Hard) => json!({"reboot": {"type": "HARD", "servers": ids}}),
        Action::Start => json!({"os-start": {"servers": ids}}),
        Action::Stop(StopType::Soft) => json!({"os-stop": {"type": "SOFT", "servers": ids}}),
        Action::Stop(StopType::Hard) => json!({"os-stop": {"type": "HARD", "servers": ids}}),
    }
}
