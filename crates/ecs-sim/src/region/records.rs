//! Records of actions as the compute API shows them, and actions of other users.

use std::time::Duration;

use ecs_model::{JobId, ServerId};
use http::StatusCode;
use rand::RngExt;
use serde_json::{Value, json};

use super::Region;
use crate::answer::Answer;
use crate::jobs::Job;
use crate::records::ActionRecords;
use crate::{Action, seed};

/// The id of the other user.
const OTHER_USER: &str = "07e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4";

impl Region {
    /// Acts on a server as another user, now. Returns the job; `None` if the server is refused.
    pub fn act_as_other(&mut self, action: Action, server: ServerId) -> Option<JobId> {
        let places = self.check(action, &[server]).ok()?;
        let id: u128 = self.ids.random();
        let job_id = seed::hex(id).parse().ok()?;
        let job = self.start_job(id, action, &places);
        self.record(&job, OTHER_USER);
        self.jobs.insert(job);
        let answer = Answer::found(&json!({"job_id": &job_id}));
        let request_id = seed::hex(id.rotate_left(64)).to_string();
        self.trace((action, &[server]), (OTHER_USER, &request_id), &answer);
        Some(job_id)
    }

    /// Performs the actions of other users that are due.
    pub(super) fn act_as_others(&mut self, now: Duration) {
        while let Some(due) = self.settings.others.first()
            && due.at <= now
        {
            let due = self.settings.others.remove(0);
            self.now = self.now.max(due.at);
            let server = self.fleet.all().get(due.place).map(|server| server.id);
            if let Some(server) = server {
                self.act_as_other(due.action, server);
            }
        }
    }

    /// Records a job's action on each of its servers; a server in the wanted state is not touched.
    pub(super) fn record(&mut self, job: &Job, user_id: &str) {
        for sub in &job.subs {
            if sub.end > job.begin {
                let action = (job.action, sub.failure.is_some());
                let when = (job.accepted, sub.end);
                self.records.push(sub.server, action, when, user_id);
            }
        }
    }

    /// Answers the query of the actions on a server.
    pub(super) fn list_actions(&self, server: &ServerId) -> Answer {
        match self.settings.action_records {
            ActionRecords::Readable => {}
            ActionRecords::Denied => {
                let message = "Policy does not allow the actions on servers to be read.";
                return Answer::Error(StatusCode::FORBIDDEN, "Pdp.0001", message.to_owned());
            }
            ActionRecords::Absent => {
                let message = "no API has this path".to_owned();
                return Answer::Gateway(StatusCode::NOT_FOUND, "APIGW.0101", message);
            }
        }
        if self.fleet.find(server).is_none() {
            let message = format!("Instance {server} could not be found.");
            return Answer::Fault(StatusCode::NOT_FOUND, "itemNotFound", message);
        }
        let shown = self.records.of(server, self.now).map(|record| {
            // An error is known at the end of the action.
            let failed = record.fails && self.now >= record.end;
            json!({
                "action": record.name(),
                "instance_uuid": server,
                "message": failed.then_some("Error"),
                "project_id": self.identity.project_id,
                "request_id": record.request_id,
                "start_time": self.calendar().whole_seconds(record.start),
                "user_id": record.user_id,
            })
        });
        Answer::found(&json!({"instanceActions": shown.collect::<Vec<Value>>()}))
    }
}
