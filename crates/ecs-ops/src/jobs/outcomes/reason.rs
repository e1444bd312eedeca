//! The reason why a job or a sub-job failed, from any field that the service uses.

use ecs_client::Problem;
use ecs_model::{ErrorInfo, Job, SubJob};
use serde_json::{Map, Value};

/// A reason: in the fields for it, in those of the entities, or in others.
#[derive(Debug)]
pub(super) struct Reason<'a> {
    code: Option<&'a str>,
    message: Option<&'a str>,
}

impl<'a> Reason<'a> {
    /// The reason of a job.
    pub(super) fn of_job(job: &'a Job) -> Self {
        let entities = job.entities.as_ref();
        let code = job.error_code.as_deref().or(job.code.as_deref());
        let messages = [
            job.fail_reason.as_deref(),
            entities.and_then(|entities| entities.errorcode_message.as_deref()),
            job.message.as_deref(),
        ];
        Self::first(
            code,
            &messages,
            [entities.map(|entities| &entities.rest), None],
        )
    }

    /// The reason of a sub-job.
    pub(super) fn of_sub_job(sub_job: &'a SubJob) -> Self {
        let entities = sub_job.entities.as_ref();
        let rest = [Some(&sub_job.rest), entities.map(|entities| &entities.rest)];
        let messages = [
            sub_job.fail_reason.as_deref(),
            entities.and_then(|entities| entities.errorcode_message.as_deref()),
        ];
        Self::first(sub_job.error_code.as_deref(), &messages, rest)
    }

    fn first(
        code: Option<&'a str>,
        messages: &[Option<&'a str>],
        rest: [Option<&'a Map<String, Value>>; 2],
    ) -> Self {
        const CODES: &[&str] = &["errorcode", "errorCode", "error_code", "code"];
        const MESSAGES: &[&str] = &[
            "message",
            "error_msg",
            "errorMsg",
            "error_message",
            "fail_reason",
            "errorcode_message",
            "reason",
        ];
        let other = |names: &[&str]| {
            rest.into_iter()
                .flatten()
                .find_map(|rest| text(rest, names))
        };
        Self {
            code: code.or_else(|| other(CODES)),
            message: messages
                .iter()
                .copied()
                .flatten()
                .find(|message| !message.trim().is_empty())
                .or_else(|| other(MESSAGES)),
        }
    }

    /// The problem: the message or, without one, the catalogue's meaning of the code.
    pub(super) fn problem(&self) -> Problem {
        let message = self.message.or_else(|| self.meaning());
        Problem::new(message.unwrap_or("the service gave no reason")).with_code(self.code)
    }

    fn meaning(&self) -> Option<&'static str> {
        Some(ErrorInfo::of(self.code?)?.meaning)
    }

    /// The problem of a sub-job; without a message of its own, with the reason of its job.
    pub(super) fn or_of_job(&self, of_job: &Self) -> Problem {
        if self.message.is_some() || (of_job.message.is_none() && of_job.code.is_none()) {
            return self.problem();
        }
        let of_job_problem = of_job.problem();
        let reason = format!("reason of the job: {}", of_job_problem.message);
        match self.code {
            Some(_) => match self.meaning() {
                Some(meaning) => Problem::new(meaning).and(&reason),
                None => Problem::new(reason),
            }
            .with_code(self.code),
            None => Problem::new(reason).with_code(of_job.code),
        }
    }
}

/// The first of these fields that holds a text or a number in text form: of the object itself, or of
/// an error or fault in it.
fn text<'a>(object: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    const NESTED: [&str; 3] = ["error", "fault", "badRequest"];
    let own = |object: &'a Map<String, Value>| {
        let texts = names.iter().filter_map(|name| object.get(*name)?.as_str());
        texts.map(str::trim).find(|text| !text.is_empty())
    };
    let nested = || {
        let errors = NESTED.iter().filter_map(|name| object.get(*name));
        let text = |error: &'a Value| match error {
            Value::Object(error) => own(error),
            // A code stands alone in no known form.
            Value::String(text) if names.contains(&"message") => Some(text.trim()),
            _ => None,
        };
        errors.filter_map(text).find(|text| !text.is_empty())
    };
    own(object).or_else(nested)
}
