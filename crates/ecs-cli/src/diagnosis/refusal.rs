//! The diagnosis of an error answer.

mod rules;

use ecs_ops::auth::{CredentialKind, Echo};
use jiff::Timestamp;

use self::rules::RefusedAnswer;
use super::{Asked, Clocks, Diagnosis, Evidence, refused};

/// Diagnoses a refusal by the first rule that applies.
pub(super) fn explain(
    evidence: &Evidence<'_>,
    status: u16,
    code: Option<&str>,
    message: &str,
    echo: Option<&Echo>,
) -> Diagnosis {
    RefusedAnswer::new(evidence, status, code, message, echo).explain()
}

fn path_of_iam(evidence: &Evidence<'_>) -> String {
    format!(
        "check {}: it has no path but /v3, such as https://iam.eu-de.otc.t-systems.com/v3",
        evidence.asked.endpoint()
    )
}

fn login_refused(answer: &str) -> Diagnosis {
    refused("login_refused", format!("IAM refused the login ({answer})"))
        .advise("check user name, password and domain (the account's name); where a passcode is needed, set OS_PASSCODE")
        .advise("do not repeat it: a few wrong passwords lock the user")
}

fn wrong_signature(key: &str, echo: Option<&Echo>, answer: &str) -> Diagnosis {
    const ONCE: &str =
        "do not simply repeat it: five wrong signatures in a row lock the key for five minutes";
    match echo {
        Some(Echo::Differs(difference)) => {
            let mut diagnosis = refused(
                "request_changed",
                format!(
                    "a proxy or gateway changed the request: the service received a different {}",
                    difference.part
                ),
            )
            .advise("look for a proxy or gateway that rewrites requests, or that removes a path of the endpoint")
            .advise(ONCE);
            diagnosis.difference = Some(difference.clone());
            diagnosis
        }
        Some(Echo::Same) => refused(
            "wrong_secret_key",
            format!(
                "the service received the request as it was signed, so the secret key is not that of access key {key}"
            ),
        )
        .advise("check the secret key: copy it again from its source, or create a new pair")
        .advise(ONCE),
        _ => refused(
            "wrong_secret_key",
            format!("the signature is wrong, mostly because the secret key is not that of access key {key} ({answer})"),
        )
        .advise("check the secret key, and proxies and gateways that rewrite requests")
        .advise(ONCE),
    }
}

fn expired(evidence: &Evidence<'_>, answer: &str) -> Diagnosis {
    let (message, advice) = match evidence.kind {
        CredentialKind::TemporaryKey | CredentialKind::ServerKeys => (
            "the temporary key has expired",
            "take a new pair with its security token; they last a day at most",
        ),
        _ => (
            "the token has expired",
            "take a new token; with a user name and password, or with keys, ecsctl gets new ones by itself",
        ),
    };
    refused("expired", format!("{message} ({answer})")).advise(advice)
}

fn without_permission(evidence: &Evidence<'_>, message: &str, answer: &str) -> Diagnosis {
    let permission = permission_in(message);
    let account = match evidence.asked {
        Asked::Service => "this project",
        Asked::Iam => "IAM",
    };
    let mut diagnosis = match &permission {
        Some(permission) => refused(
            "missing_permission",
            format!("the credentials are good, but lack the permission {permission} ({answer})"),
        )
        .advise(format!(
            "have it granted in IAM, by a policy or role (such as ECS CommonOperations) for {account}"
        )),
        None => refused(
            "missing_permission",
            format!("the credentials are good, but may not do this ({answer})"),
        )
        .advise(
            "have ecs:cloudServers:list granted in IAM, and ecs:cloudServers:reboot, :start and :stop for what you want to do",
        ),
    };
    diagnosis.permission = permission;
    diagnosis
}

/// Extracts a permission such as `ecs:cloudServers:list` from a sentence.
pub(super) fn permission_in(message: &str) -> Option<String> {
    let lowercase = message.split(|c: char| !(c.is_ascii_alphanumeric() || ":_-*".contains(c)));
    let mut permissions = lowercase.filter(|word| {
        let parts: Vec<&str> = word.split(':').collect();
        parts.len() == 3
            && parts.iter().all(|part| !part.is_empty())
            && word.starts_with(|first: char| first.is_ascii_alphabetic())
    });
    permissions.next().map(str::to_owned)
}

fn skewed(clocks: Option<Clocks>, answer: &str) -> Diagnosis {
    let message = match clocks {
        Some(clocks) => format!(
            "{}; signatures are refused from 15 minutes on: here {:.0}, at the service {:.0}",
            clocks.describe(),
            clocks.ours,
            clocks.service
        ),
        None => format!("the clocks are more than 15 minutes apart ({answer})"),
    };
    let mut diagnosis = refused("clock_skew", message)
        .advise("set this machine's clock: timedatectl set-ntp true, or chronyc makestep");
    diagnosis.clocks = clocks;
    diagnosis
}

/// Parses both clocks from the service's message.
fn times_in(lowercase: &str) -> Option<Clocks> {
    Some(Clocks {
        ours: time_in(lowercase, "signature time:")?,
        service: time_in(lowercase, "server time:")?,
    })
}

/// Parses a time such as `20261123t125900z` after a label.
pub(super) fn time_in(lowercase: &str, before: &str) -> Option<Timestamp> {
    let (_, rest) = lowercase.split_once(before)?;
    let time = rest.trim_start().get(..16)?.to_uppercase();
    let parts = [
        time.get(..4)?,
        "-",
        time.get(4..6)?,
        "-",
        time.get(6..11)?,
        ":",
        time.get(11..13)?,
        ":",
        time.get(13..)?,
    ];
    parts.concat().parse().ok()
}

/// Returns the message of the service without its echo of the request.
fn answer(status: u16, code: Option<&str>, message: &str) -> String {
    const LONGEST: usize = 200;
    let message = Echo::remove_from(message);
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    if message.is_empty() {
        format!("HTTP {status}{code}")
    } else {
        let message: String = message.chars().take(LONGEST).collect();
        format!("HTTP {status}{code}: {message}")
    }
}
