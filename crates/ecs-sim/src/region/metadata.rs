//! The metadata service, as seen by a server in the cloud: temporary keys of its agency.

use std::time::Duration;

use bytes::Bytes;
use ecs_model::ServerId;
use http::{Request, StatusCode};
use serde_json::json;

use super::Region;
use crate::answer::Answer;
use crate::settings::Metadata;

/// The server of the metadata service, unless it is one of the region's.
const ELSEWHERE: ServerId = ServerId::from_bytes([0x5e; 16]);

/// The longest life of a session, in seconds.
const MAX_SESSION: u64 = 6 * 60 * 60;

impl Region {
    pub(super) fn open_session(&mut self, request: &Request<Bytes>) -> Answer {
        if self.settings.metadata == Metadata::Plain {
            return refuse(StatusCode::NOT_FOUND, "there is nothing here");
        }
        let life = request.headers().get("x-metadata-token-ttl-seconds");
        let life = life.and_then(|life| life.to_str().ok()?.parse::<u64>().ok());
        match life {
            Some(life @ 1..=MAX_SESSION) => {
                let life = Duration::from_secs(life);
                Answer::Text(self.admission.open_session(life, self.now))
            }
            _ => refuse(
                StatusCode::BAD_REQUEST,
                "X-Metadata-Token-Ttl-Seconds must be from 1 to 21600",
            ),
        }
    }

    /// Returns the refusal of a request without a required session.
    fn refuse_session(&self, request: &Request<Bytes>) -> Option<Answer> {
        let session = request.headers().get("x-metadata-token");
        let in_session = session
            .and_then(|token| token.to_str().ok())
            .map(|token| self.admission.has_session(token, self.now));
        let reason = match (self.settings.metadata, in_session) {
            (Metadata::Protected, None) => "this needs X-Metadata-Token",
            (Metadata::Open | Metadata::Protected, Some(false)) => {
                "the session is over, or never was"
            }
            _ => return None,
        };
        Some(refuse(StatusCode::UNAUTHORIZED, reason))
    }

    /// Answers with the server's own metadata.
    pub(super) fn show_place(&mut self, request: &Request<Bytes>) -> Answer {
        if let Some(refusal) = self.refuse_session(request) {
            return refusal;
        }
        let identity = &self.identity;
        let own = self.settings.own_server;
        let own = own.and_then(|index| self.fleet.all().get(index));
        Answer::found(&json!({
            "project_id": identity.project_id,
            "region_id": identity.region,
            "availability_zone": format!("{}a", identity.region),
            "uuid": own.map_or(ELSEWHERE, |server| server.id),
            "name": own.map_or("sim-client", |server| server.name.as_str()),
            "launch_index": 0,
            "meta": {},
        }))
    }

    pub(super) fn show_keys(&mut self, request: &Request<Bytes>) -> Answer {
        if self.settings.metadata == Metadata::NoAgency {
            return refuse(StatusCode::NOT_FOUND, "this server has no agency");
        }
        if let Some(refusal) = self.refuse_session(request) {
            return refusal;
        }
        match self.admission.temporary(self.settings.key_life, self.now) {
            Ok(keys) => Answer::found(&json!({"credential": {
                "access": keys.access,
                "secret": keys.secret,
                "securitytoken": keys.token,
                "expires_at": self.calendar().iso(keys.ends),
            }})),
            // Unreachable: keys are letters and digits.
            Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }
}

fn refuse(status: StatusCode, reason: &str) -> Answer {
    Answer::Keystone(status, reason.to_owned())
}
