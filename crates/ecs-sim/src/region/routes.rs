//! Dispatch of requests.

use bytes::Bytes;
use ecs_model::{AnyOperation, ProjectId, RequestErrorKind, ServerId, ShowJob};
use http::{Method, Request, StatusCode};
use serde_json::Value;

use super::Region;
use crate::Action;
use crate::admission::{Caller, Scope};
use crate::answer::Answer;
use crate::query::ListQuery;
use crate::render;

use ecs_model::StopType;

impl Region {
    /// Refuses a body that was too large to be read.
    pub(crate) fn refuse_too_large(&mut self, limit: usize) -> http::Response<Bytes> {
        let request_id = crate::seed::hex_id(&mut self.ids);
        Answer::Fault(
            StatusCode::PAYLOAD_TOO_LARGE,
            "overLimit",
            format!("the body is larger than {limit} bytes"),
        )
        .into_response(&request_id)
    }

    pub(super) fn route(&mut self, request: &http::Request<Bytes>, request_id: &str) -> Answer {
        if let Some(answer) = self.other_services(request) {
            return answer;
        }
        let operation = AnyOperation::from_request(request);
        // The gateway checks the path first, then the caller; the service checks the rest.
        match operation.as_ref().map_err(|error| error.kind()) {
            Err(RequestErrorKind::NoSuchPath) => {
                let message = "no API has this path";
                return Answer::Gateway(StatusCode::NOT_FOUND, "APIGW.0101", message.to_owned());
            }
            Err(RequestErrorKind::NoSuchMethod) => {
                let message = format!("{} is not possible on this path", request.method());
                return Answer::Fault(StatusCode::METHOD_NOT_ALLOWED, "badMethod", message);
            }
            _ => {}
        }
        if let Some(answer) = self.refuse_absent(operation.as_ref().ok()) {
            return answer;
        }
        let caller = match self.admit(request) {
            Ok(caller) => caller,
            Err(error) => return error.into_service_answer(),
        };
        let (project, operation) = match operation {
            Ok(found) => found,
            Err(error) => {
                return match count_servers(request.body()) {
                    Some(count) if count > self.settings.max_servers_per_request => {
                        self.too_many(count)
                    }
                    None if request.body().is_empty() && request.method() == Method::POST => {
                        Answer::bad_request("Common.0002", "the request has no body")
                    }
                    _ => Answer::bad_request("Ecs.0005", error.to_string()),
                };
            }
        };
        if let Some(refusal) = self.refuse_project(caller, &project, &operation) {
            return refusal;
        }
        if let Some(refusal) = self.refuse_action(&operation) {
            return refusal;
        }
        if let Some(answer) = self.throttle_query(&operation) {
            return answer;
        }
        match operation {
            AnyOperation::BatchRebootServers(value) => {
                self.act_traced(Action::Reboot(value.kind()), value.servers(), request_id)
            }
            AnyOperation::BatchStartServers(value) => {
                self.act_traced(Action::Start, value.servers(), request_id)
            }
            AnyOperation::BatchStopServers(value) => self.act_traced(
                Action::Stop(value.kind().unwrap_or(StopType::Soft)),
                value.servers(),
                request_id,
            ),
            AnyOperation::ListTraces(value) => self.list_traces(&value),
            AnyOperation::ShowJob(value) => self.show_job(&value),
            AnyOperation::ShowServer(value) => self.show_server(value.server_id()),
            AnyOperation::ListServersDetails(_) => {
                self.list(&ListQuery::parse(request.uri().query().unwrap_or_default()))
            }
            AnyOperation::ListServerActions(value) => self.list_actions(value.server_id()),
            AnyOperation::ListScalingGroups(value) => self.list_scaling_groups(&value),
            AnyOperation::ListScalingInstances(value) => self.list_scaling_instances(&value),
            _ => Answer::Gateway(
                StatusCode::NOT_FOUND,
                "APIGW.0101",
                "this simulator does not have this API".to_owned(),
            ),
        }
    }

    /// Dispatches to IAM and the metadata service, which have their own paths.
    fn other_services(&mut self, request: &Request<Bytes>) -> Option<Answer> {
        type Serve = fn(&mut Region, &Request<Bytes>) -> Answer;
        let (method, serve): (Method, Serve) = match request.uri().path() {
            "/v3" | "/v3/" => (Method::GET, Self::show_version),
            "/v3/auth/tokens" if request.method() == Method::GET => {
                (Method::GET, Self::describe_token)
            }
            "/v3/auth/tokens" => (Method::POST, Self::issue_token),
            "/v3/projects" => (Method::GET, Self::list_projects),
            "/meta-data/latest/api/token" => (Method::PUT, Self::open_session),
            "/openstack/latest/securitykey" => (Method::GET, Self::show_keys),
            "/openstack/latest/meta_data.json" => (Method::GET, Self::show_place),
            _ => return None,
        };
        if request.method() != method {
            let message = format!("{} is not possible on this path", request.method());
            return Some(Answer::Keystone(StatusCode::METHOD_NOT_ALLOWED, message));
        }
        Some(serve(self, request))
    }

    fn refuse_project(
        &self,
        caller: Caller,
        project: &ProjectId,
        operation: &AnyOperation,
    ) -> Option<Answer> {
        if caller.scope == Scope::Project && *project == self.identity.project_id {
            return None;
        }
        let message = format!("the credentials are for another project than {project}");
        // The two halves of the service have their own codes and forms for it.
        Some(match operation {
            AnyOperation::ShowJob(_) => {
                Answer::Bare(StatusCode::BAD_REQUEST, "Common.0018", message)
            }
            AnyOperation::ListScalingGroups(_) | AnyOperation::ListScalingInstances(_) => {
                Answer::bad_request("AS.0008", message)
            }
            _ => Answer::bad_request("Ecs.0023", message),
        })
    }

    fn refuse_action(&self, operation: &AnyOperation) -> Option<Answer> {
        let (permission, acts) = match operation {
            AnyOperation::BatchRebootServers(_) => ("ecs:cloudServers:reboot", true),
            AnyOperation::BatchStartServers(_) => ("ecs:cloudServers:start", true),
            AnyOperation::BatchStopServers(_) => ("ecs:cloudServers:stop", true),
            AnyOperation::ListServersDetails(_) => ("ecs:cloudServers:list", false),
            AnyOperation::ShowServer(_) => ("ecs:cloudServers:get", false),
            AnyOperation::ListScalingGroups(_) => ("as:groups:list", false),
            AnyOperation::ListScalingInstances(_) => ("as:instances:list", false),
            _ => return None,
        };
        let settings = &self.settings;
        let denied = (settings.read_only && acts) || settings.denied.contains(permission);
        denied.then(|| {
            Answer::Error(
                StatusCode::FORBIDDEN,
                "Pdp.0001",
                format!("Policy does not allow {permission} to be performed."),
            )
        })
    }

    fn show_job(&self, asked: &ShowJob) -> Answer {
        match self.jobs.find(asked.job_id().as_str()) {
            Some(job) => Answer::found(&render::job(job, self.calendar(), self.now)),
            None => Answer::Bare(
                StatusCode::BAD_REQUEST,
                "Common.0011",
                format!("there is no job {}", asked.job_id()),
            ),
        }
    }

    /// Returns the gateway's answer to a query above the limit of its kind.
    fn throttle_query(&mut self, operation: &AnyOperation) -> Option<Answer> {
        let window = match operation {
            AnyOperation::ListServersDetails(_) => &mut self.queries.lists,
            AnyOperation::ShowServer(_) => &mut self.queries.servers,
            AnyOperation::ShowJob(_) => &mut self.queries.jobs,
            _ => return None,
        };
        let limit = self.settings.queries_per_minute;
        let is_within = window.take(1, limit, self.now);
        (!is_within).then(|| Answer::over_limit(limit))
    }

    fn show_server(&self, id: &ServerId) -> Answer {
        match self.fleet.find(id) {
            Some(server) => {
                let shown = render::one_server(server, &self.identity, self.calendar(), self.now);
                Answer::Found(shown.into_bytes())
            }
            None => Answer::Error(
                StatusCode::NOT_FOUND,
                "Ecs.0114",
                format!("server {id} does not exist"),
            ),
        }
    }

    fn list(&mut self, query: &ListQuery) -> Answer {
        let visible = self.quirks.visible(self.fleet.all());
        let by_ids = query.page_by_ids(visible, self.settings.id_filter, &self.quirks);
        let page = by_ids.unwrap_or_else(|| query.page(visible, &self.quirks, self.now));
        let page = match page {
            Ok(page) => page,
            Err(message) => return Answer::bad_request("Ecs.0005", message),
        };
        let shown = render::page(&page, &self.identity, self.calendar(), self.now);
        Answer::Found(shown.into_bytes())
    }
}

/// Returns the number of servers in an invalid body: too many are refused with their own code.
fn count_servers(body: &[u8]) -> Option<usize> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let action = body.as_object()?.values().next()?;
    Some(action.get("servers")?.as_array()?.len())
}
