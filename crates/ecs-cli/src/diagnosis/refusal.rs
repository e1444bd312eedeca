//! The diagnosis of an error answer.

use ecs_ops::auth::{CredentialKind, Echo, MAX_CLOCK_SKEW};
use jiff::Timestamp;

use super::{Asked, Clocks, Diagnosis, Evidence, found, proxy_refusal, refused};
use crate::exit::Exit;
use crate::fail::PROXY_CREDENTIALS;

pub(super) fn explain(
    evidence: &Evidence<'_>,
    status: u16,
    code: Option<&str>,
    message: &str,
    echo: Option<&Echo>,
) -> Diagnosis {
    let answer = answer(status, code, message);
    let lowercase = message.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| lowercase.contains(part));
    let signs = echo.is_some();
    let key = evidence.access_key.unwrap_or("in use");

    if has(&["reach the limit"]) {
        return refused(
            "locked_key",
            format!("access key {key} is locked, as after five wrong signatures in a row ({answer})"),
        )
        .advise("send nothing with it for five minutes: stop all other programs that use it with a wrong secret key")
        .advise("then check the secret key, and run this check once");
    }
    if signs && has(&["signature expired"]) {
        return skewed(times_in(&lowercase).or_else(|| evidence.clocks()), &answer);
    }
    if status == 407 {
        return proxy_refusal(
            evidence,
            format!("a proxy on the way requires a user name and password ({answer})"),
        )
        .advise(PROXY_CREDENTIALS);
    }
    if let Some(diagnosis) = unproven_answer(evidence, status) {
        return diagnosis;
    }
    let own_words = code.is_some() || !message.is_empty();
    if status == 403 && !own_words {
        return found(
            "no_answer",
            Exit::Failed,
            format!("the answer is not from this API: {answer}, without an error code or message"),
        )
        .advise("look for a proxy, firewall or gateway on the way that forbids it: the credentials were not checked");
    }
    let policy = has(&["policy does not allow", "policy doesn't allow"]);
    let logs_in = evidence.asked == Asked::Iam && evidence.kind == CredentialKind::Password;
    if status == 403 && logs_in && !policy && permission_in(message).is_none() {
        return login_refused(&answer)
            .advise("if these are right, the user may be locked, the password expired, or logins limited by IAM");
    }
    if status == 403 || has(&["policy does not allow", "policy doesn't allow"]) {
        return without_permission(evidence, message, &answer);
    }
    if is_unknown_key(&lowercase) {
        let place = evidence.endpoint.unwrap_or("this endpoint");
        return refused(
            "unknown_key",
            format!("access key {key} is not known at {place} ({answer})"),
        )
        .advise(format!(
            "check that it belongs to this cloud and region{}: keys of Open Telekom Cloud and of Huawei Cloud, and of \
             some regions, are not known to each other",
            evidence.region.map(|region| format!(" ({region})")).unwrap_or_default()
        ))
        .advise("check that it was not deleted; a temporary key needs its security token, too");
    }
    if has(&[
        "token expire",
        "token has expired",
        "token is expired",
        "token has expire",
    ]) {
        return expired(evidence, &answer);
    }
    if has(&[
        "aksk signature",
        "verify signature",
        "signature fail",
        "verify ak sk",
    ]) {
        return wrong_signature(key, echo, &answer);
    }
    let another_project = matches!(code, Some("Ecs.0023" | "Common.0018"))
        || has(&[
            "another project",
            "tenantid",
            "does not match the one in url",
            "doesn't match context's project_id",
            "not equal token's projectid",
        ]);
    if another_project {
        let project = evidence.project.unwrap_or("in use");
        return refused(
            "wrong_project",
            format!("the credentials are not for project {project} ({answer})"),
        )
        .advise("give the id of the project that they are for (--project-id), or credentials for this one")
        .advise("each region has a project of its own: check --region, too");
    }
    // The message does not explain it, but the date of the answer does.
    let apart = evidence.clocks().map(Clocks::apart);
    if status == 401 && signs && apart.is_some_and(|apart| apart > MAX_CLOCK_SKEW) {
        return skewed(evidence.clocks(), &answer);
    }
    match (status, evidence.asked) {
        (404, Asked::Iam) if own_words && evidence.agency => {
            refused("login_refused", format!("IAM did not find what was requested ({answer})"))
                .advise("check the agency's name and that of its domain, and the address of IAM")
        }
        (404, Asked::Iam) if own_words && logs_in => {
            refused("login_refused", format!("IAM did not find what was requested ({answer})"))
                .advise(path_of_iam(evidence))
                .advise("otherwise check the names of user, domain and project")
        }
        (404, Asked::Iam) if own_words => found(
            "wrong_endpoint",
            Exit::Failed,
            format!("IAM did not find what was requested ({answer})"),
        )
        .advise(path_of_iam(evidence)),
        (404, Asked::Iam) => found(
            "wrong_endpoint",
            Exit::Failed,
            format!("the service at the address of IAM does not know its API ({answer})"),
        )
        .advise(format!("check {}", evidence.asked.endpoint())),
        (404, _) => found(
            "wrong_endpoint",
            Exit::Failed,
            format!("the service at the endpoint does not know this API ({answer})"),
        )
        .advise("check the endpoint and the region: it must be that of ECS, such as https://ecs.eu-de.otc.t-systems.com"),
        (408 | 429 | 500.., _) => found(
            "no_answer",
            Exit::Failed,
            format!("the answer does not show whether the credentials work ({answer})"),
        )
        .advise("try again in a minute"),
        (401, _) if logs_in => login_refused(&answer),
        (401, _) if !signs => refused(
            "invalid_token",
            format!("the token is not accepted: it is not valid here, or it has expired ({answer})"),
        )
        .advise("take a new token, of this cloud and region, for this project"),
        (300..=399, _) => found(
            "wrong_endpoint",
            Exit::Failed,
            format!("{} redirects to another address, which is not followed ({answer})", evidence.asked.endpoint()),
        )
        .advise(match evidence.asked {
            Asked::Service => "give the address that it points to, if you trust it: --endpoint",
            Asked::Iam => "give the address that it points to, if you trust it: --iam-endpoint",
        }),
        (400..=499, _) => refused("refused", format!("refused: {answer}")),
        _ => found("no_answer", Exit::Failed, format!("the answer is not one of this API ({answer})"))
            .advise("check the endpoint, and proxies and gateways on the way"),
    }
}

fn path_of_iam(evidence: &Evidence<'_>) -> String {
    format!(
        "check {}: it has no path but /v3, such as https://iam.eu-de.otc.t-systems.com/v3",
        evidence.asked.endpoint()
    )
}

/// Returns whether the message is `ak not exist`, also with the key between the words.
fn is_unknown_key(lowercase: &str) -> bool {
    let mut pieces = lowercase.split(|c: char| !c.is_ascii_alphanumeric());
    let names_a_key = pieces.any(|piece| piece == "ak");
    lowercase.contains("get secretkey failed") || (names_a_key && lowercase.contains("not exist"))
}

/// Diagnoses a page in place of the service. An error of a gateway about an unavailable service is no such page.
fn unproven_answer(evidence: &Evidence<'_>, status: u16) -> Option<Diagnosis> {
    let unproven = evidence.unproven?;
    if let Some(endpoint) = unproven.moved_to {
        return Some(
            found("wrong_endpoint", Exit::Failed, unproven.described).advise(format!(
                "if you trust that address, use it: --endpoint {endpoint}"
            )),
        );
    }
    match status {
        300..=399 | 404 => Some(
            found("wrong_endpoint", Exit::Failed, unproven.described)
                .advise(
                    "check the endpoint and the region: it must be that of ECS, such as https://ecs.eu-de.otc.t-systems.com",
                )
                .advise("look for a proxy, a gateway or a login page on the way"),
        ),
        200..=299 | 400..=403 | 405..=407 | 409..=428 | 430..=498 => Some(
            found("no_answer", Exit::Failed, unproven.described).advise(
                "check the endpoint, and look for a proxy, firewall or gateway on the way that answers in its place: the \
                 credentials were not checked",
            ),
        ),
        _ => None,
    }
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
                    "the request was changed on its way: the service received a different {}",
                    difference.part
                ),
            )
            .advise("look for a proxy or gateway that rewrites requests, and for a path in the endpoint that it takes away")
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
        .advise("check the secret key, and what rewrites requests on their way")
        .advise(ONCE),
    }
}

fn expired(evidence: &Evidence<'_>, answer: &str) -> Diagnosis {
    let (what, advice) = match evidence.kind {
        CredentialKind::TemporaryKey | CredentialKind::ServerKeys => (
            "the temporary key has expired",
            "take a new pair with its security token; they last a day at most",
        ),
        _ => (
            "the token has expired",
            "take a new token; with a user name and password, or with keys, ecsctl gets new ones by itself",
        ),
    };
    refused("expired", format!("{what} ({answer})")).advise(advice)
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
    let what = match clocks {
        Some(clocks) => format!(
            "{}, and a signature may be 15 minutes off: ours shows {:.0}, theirs {:.0}",
            clocks.describe(),
            clocks.ours,
            clocks.service
        ),
        None => format!("the clocks are more than 15 minutes apart ({answer})"),
    };
    let mut diagnosis = refused("clock_skew", what)
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
    let message = message
        .split("canonicalRequest:")
        .next()
        .unwrap_or_default();
    let message = message.trim_end_matches([' ', ',', ';']);
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    match message.is_empty() {
        true => format!("HTTP {status}{code}"),
        false => {
            let message: String = message.chars().take(LONGEST).collect();
            format!("HTTP {status}{code}: {message}")
        }
    }
}
