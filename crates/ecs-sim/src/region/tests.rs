//! Tests of the pure core: every answer, and the invariants of any request.

mod answers;
mod iam;
mod id_filter;
mod lifecycle;
mod listing;
mod metadata;
mod properties;
mod records;
mod scaling;
mod signatures;
mod strangers;

use std::time::Duration;

use bytes::Bytes;
use ecs_model::{
    BatchRebootServers, BatchStartServers, BatchStopServers, Job, Operation, RebootType,
    ResponseError, ServerId, ShowJob,
};
use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::{Region, RegionBuilder};

/// A client with a token, on a clock that the test advances.
struct Client {
    region: Region,
    now: Duration,
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Parses the error as a client does.
    #[track_caller]
    fn refusal(&self) -> (u16, String, String) {
        let error = ResponseError::parse(self.status, &self.headers, &self.body);
        assert!(error.request_id().is_some_and(|id| id.len() == 32));
        (
            self.status.as_u16(),
            error.code().unwrap_or_default().to_owned(),
            error.message().unwrap_or_default().to_owned(),
        )
    }

    #[track_caller]
    fn assert_refused(&self, status: u16, code: &str, expected: &str) {
        let (found, found_code, message) = self.refusal();
        assert_eq!((found, found_code.as_str()), (status, code), "{message}");
        assert!(
            message.contains(expected),
            "{message:?} without {expected:?}"
        );
    }
}

impl Client {
    fn new(builder: RegionBuilder) -> Self {
        Self {
            region: builder.build().unwrap(),
            now: Duration::ZERO,
        }
    }

    fn of(servers: usize) -> Self {
        Self::new(Region::builder().servers(servers))
    }

    fn ids(&self) -> Vec<ServerId> {
        self.region.servers().collect()
    }

    fn wait(&mut self, seconds: f64) {
        self.now += Duration::from_secs_f64(seconds);
    }

    /// Sends a request unchanged: no token, no project.
    fn raw(&mut self, request: &http::Request<Bytes>) -> Got {
        let (head, body) = self.region.handle(request, self.now).into_parts();
        assert!(head.headers.contains_key("x-request-id"));
        assert!(head.headers.contains_key("content-type"));
        Got {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    fn send(&mut self, mut request: http::Request<Bytes>) -> Got {
        let token = self.region.identity().token.expose_secret();
        let token = token.parse().unwrap();
        request.headers_mut().insert("x-auth-token", token);
        self.raw(&request)
    }

    fn call(&mut self, operation: &impl Operation) -> Got {
        let request = operation.encode(&self.region.identity().project_id);
        self.send(request)
    }

    /// Sends a GET; `path` follows the project.
    fn get(&mut self, path: &str) -> Got {
        let project = &self.region.identity().project_id;
        let request = http::Request::get(format!("/v1/{project}/{path}"));
        self.send(request.body(Bytes::new()).unwrap())
    }

    fn post(&mut self, body: impl Into<Bytes>) -> Got {
        let project = &self.region.identity().project_id;
        let request = http::Request::post(format!("/v1/{project}/cloudservers/action"));
        self.send(request.body(body.into()).unwrap())
    }

    fn reboot(&mut self, kind: RebootType, servers: &[ServerId]) -> Got {
        self.call(&BatchRebootServers::new(kind, servers.to_vec()).unwrap())
    }

    fn start(&mut self, servers: &[ServerId]) -> Got {
        self.call(&BatchStartServers::new(servers.to_vec()).unwrap())
    }

    fn stop(&mut self, servers: &[ServerId]) -> Got {
        self.call(&BatchStopServers::new(None, servers.to_vec()).unwrap())
    }

    fn job(&mut self, accepted: &Got) -> Job {
        let got = self.job_body(accepted);
        ShowJob::decode(got.status, &got.headers, &got.body).unwrap()
    }

    fn job_body(&mut self, accepted: &Got) -> Got {
        self.call(&ShowJob::new(job_id(accepted).parse().unwrap()))
    }

    fn server(&mut self, id: &ServerId) -> Value {
        let got = self.get(&format!("cloudservers/{id}"));
        assert_eq!(got.status, 200);
        got.json()["server"].clone()
    }

    /// Returns status, task state and VM state of a server.
    fn state(&mut self, id: &ServerId) -> (String, Option<String>, String) {
        let server = self.server(id);
        let text = |name: &str| server[name].as_str().map(str::to_owned);
        (
            text("status").unwrap(),
            text("OS-EXT-STS:task_state"),
            text("OS-EXT-STS:vm_state").unwrap(),
        )
    }
}

#[track_caller]
fn job_id(accepted: &Got) -> String {
    assert_eq!(accepted.status, 200, "{:?}", accepted.body);
    accepted.json()["job_id"].as_str().unwrap().to_owned()
}
