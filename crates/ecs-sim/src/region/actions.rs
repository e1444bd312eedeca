//! Actions on servers: accepted as a whole or not at all.

use std::time::Duration;

use ecs_model::{JobId, RebootType, ServerId};
use http::StatusCode;
use rand::RngExt;
use serde_json::json;

use super::{Quotas, Region};
use crate::accepted::Acceptance;
use crate::answer::Answer;
use crate::fleet::{NEVER, Power, Server, Task};
use crate::jobs::{Failure, Job, SubJob};
use crate::quota::Window;
use crate::settings::Throttling;
use crate::{Action, ActionKind, seed};

/// The divisor of the shortest duration of an action that gives a job's preparation.
const PREPARATION: u32 = 20;

impl Quotas {
    fn of(&mut self, kind: ActionKind) -> &mut Window {
        match kind {
            ActionKind::Reboot => &mut self.reboot,
            ActionKind::Start => &mut self.start,
            ActionKind::Stop => &mut self.stop,
        }
    }
}

/// The reason why a server cannot be acted on now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    Locked,
    Busy,
    Stopped,
}

impl Obstacle {
    fn code_and_message(self) -> (&'static str, &'static str) {
        match self {
            Self::Locked => ("Ecs.0605", "is locked"),
            Self::Busy => ("Ecs.0100", "is busy with another task"),
            Self::Stopped => ("Ecs.0100", "is stopped and cannot be restarted softly"),
        }
    }
}

impl Region {
    pub(super) fn act(&mut self, action: Action, ids: &[ServerId], request_id: &str) -> Answer {
        let places = match self.check(action, ids) {
            Ok(places) => places,
            Err(refusal) => return refusal,
        };
        let (quota, now) = (self.settings.quota, self.now);
        if !self.quotas.of(action.kind()).take(ids.len(), quota, now) {
            return self.throttled();
        }
        let id: u128 = self.ids.random();
        // 32 hex digits are a valid job id.
        let Ok(job_id) = seed::hex(id).parse::<JobId>() else {
            return Answer::bad_request("Ecs.0000", "the job could not be created");
        };
        let job = self.start_job(id, action, &places);
        let user_id = self.identity.user_id.clone();
        self.record(&job, &user_id);
        self.jobs.insert(job);
        let answer = Answer::found(&json!({"job_id": job_id}));
        self.accepted.push(Acceptance {
            at: now,
            action,
            job_id,
            request_id: request_id.to_owned(),
            servers: ids.to_vec(),
        });
        answer
    }

    /// Acts on servers, with a trace.
    pub(super) fn act_traced(
        &mut self,
        action: Action,
        ids: &[ServerId],
        request_id: &str,
    ) -> Answer {
        let answer = self.act(action, ids, request_id);
        let user_id = self.identity.user_id.clone();
        self.trace((action, ids), (&user_id, request_id), &answer);
        answer
    }

    /// Checks everything but the quota, which counts only otherwise acceptable requests.
    pub(super) fn check(&self, action: Action, ids: &[ServerId]) -> Result<Vec<u32>, Answer> {
        if ids.len() > self.settings.max_servers_per_request {
            return Err(self.too_many(ids.len()));
        }
        let (places, missing): (Vec<_>, Vec<_>) = ids
            .iter()
            .map(|id| self.fleet.place(id).ok_or(id))
            .partition(Result::is_ok);
        if !missing.is_empty() {
            return Err(Answer::Error(
                StatusCode::NOT_FOUND,
                "Ecs.0114",
                named(
                    "does not exist",
                    missing.into_iter().filter_map(Result::err),
                ),
            ));
        }
        let places: Vec<u32> = places.into_iter().flatten().collect();
        let servers = places.iter().filter_map(|&place| self.fleet.at(place));
        let refused: Vec<(ServerId, Obstacle)> = servers
            .filter_map(|server| Some((server.id, self.obstacle(action, server)?)))
            .collect();
        // The whole request gets one code: that of the first server with an obstacle, and all
        // servers with the same.
        if let Some(&(_, first)) = refused.first() {
            let alike = refused.iter().filter(|(_, obstacle)| *obstacle == first);
            let (code, reason) = first.code_and_message();
            return Err(Answer::bad_request(
                code,
                named(reason, alike.map(|(id, _)| id)),
            ));
        }
        Ok(places)
    }

    fn obstacle(&self, action: Action, server: &Server) -> Option<Obstacle> {
        if server.locked {
            return Some(Obstacle::Locked);
        }
        let hard = action == Action::Reboot(RebootType::Hard);
        if server.is_busy(self.now) && !(hard && server.hangs(self.now)) {
            return Some(Obstacle::Busy);
        }
        // A guest that does not run cannot be asked to restart; a hard restart powers it on.
        let soft = action == Action::Reboot(RebootType::Soft);
        (soft && server.power(self.now) == Power::Shutoff).then_some(Obstacle::Stopped)
    }

    pub(super) fn too_many(&self, count: usize) -> Answer {
        let most = self.settings.max_servers_per_request;
        Answer::bad_request(
            "Ecs.0118",
            format!("{count} servers are too many for one request: at most {most}"),
        )
    }

    fn throttled(&self) -> Answer {
        match self.settings.throttling {
            Throttling::FlowLimit => Answer::Error(
                StatusCode::ACCEPTED,
                "Common.0024",
                "too many servers in the last minute: nothing was done, try again later".to_owned(),
            ),
            Throttling::Gateway => Answer::over_limit(self.settings.quota),
        }
    }

    pub(super) fn start_job(&mut self, id: u128, action: Action, places: &[u32]) -> Job {
        let now = self.now;
        let begin = now.saturating_add(*self.settings.durations.start() / PREPARATION);
        let mut subs = Vec::with_capacity(places.len());
        for &place in places {
            let sub_id: u128 = self.ids.random();
            let Some(server) = self.fleet.at_mut(place) else {
                continue;
            };
            let mut course = seed::course(self.settings.seed, place, server.count_action());
            let lasts: Duration = course.random_range(self.settings.durations.clone());
            let fails = course.random_bool(self.settings.failing) || server.always_fails;
            let hidden = course.random();
            let hangs = action == Action::Reboot(RebootType::Soft)
                && self.settings.hanging > 0.0
                && course.random_bool(self.settings.hanging);
            let in_place = match action {
                Action::Reboot(_) => false,
                Action::Start => server.power(now) == Power::Active,
                Action::Stop(_) => server.power(now) == Power::Shutoff,
            };
            let mut sub = SubJob {
                id: sub_id,
                server: server.id,
                end: begin,
                failure: None,
            };
            // A server in the wanted state succeeds as soon as the job begins, and is not touched.
            if !in_place {
                sub.end = if hangs {
                    NEVER
                } else {
                    begin.saturating_add(lasts)
                };
                sub.failure = fails.then(|| Failure::of(action, hidden));
                let task = Task {
                    action,
                    begin,
                    end: sub.end,
                    fails,
                };
                server.begin(task, now);
            }
            subs.push(sub);
        }
        Job {
            id,
            action,
            accepted: now,
            begin,
            end: subs.iter().map(|sub| sub.end).max().unwrap_or(begin),
            subs,
        }
    }
}

/// Formats a sentence about servers, which names them if there are few.
fn named<'a>(problem: &str, ids: impl Iterator<Item = &'a ServerId>) -> String {
    const NAMED: usize = 5;
    let ids: Vec<&ServerId> = ids.collect();
    let shown: Vec<String> = ids.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match ids.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("server {}{more} {problem}", shown.join(", "))
}
