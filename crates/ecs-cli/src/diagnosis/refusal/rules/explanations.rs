//! The explanations of refusals.

use super::super::super::{Asked, Diagnosis, found, refused};
use super::super::login_refused;
use super::{RefusedAnswer, moved_to};
use crate::exit::Exit;
use crate::remedy::{self, Settings};

pub(super) fn wrong_endpoint(message: impl Into<String>) -> Diagnosis {
    found("wrong_endpoint", Exit::Failed, message)
}

pub(super) fn no_answer(message: impl Into<String>) -> Diagnosis {
    found("no_answer", Exit::Failed, message)
}

pub(super) fn locked_key(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let (key, answer) = (refusal.key(), &refusal.answer);
    refused(
        "locked_key",
        format!("access key {key} is locked, as after five wrong signatures in a row ({answer})"),
    )
    .advise(
        "send nothing with it for five minutes: stop all other programs that use it with a wrong secret key",
    )
    .advise("then check the secret key, and run this check once")
}

pub(super) fn proxy(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let answer = &refusal.answer;
    found(
        "proxy",
        Exit::Failed,
        format!("a proxy between this machine and the service requires a user name and password ({answer})"),
    )
    .advise(remedy::proxy_credentials(&refusal.evidence.proxies()))
}

pub(super) fn moved(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let endpoint = moved_to(refusal).unwrap_or_default();
    wrong_endpoint(refusal.page()).advise(remedy::moved(&endpoint))
}

pub(super) fn page_elsewhere(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let mut diagnosis = wrong_endpoint(refusal.page());
    diagnosis.advice = remedy::of_page(Settings {
        endpoint: "the endpoint and the region",
        ..Settings::ANY
    });
    diagnosis
}

pub(super) fn page_of_an_intermediary(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    no_answer(refusal.page()).advise(
        "check the endpoint, and look for a proxy, firewall or gateway that answers in its place: the \
         credentials were not checked",
    )
}

pub(super) fn forbidden_without_text(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let answer = &refusal.answer;
    no_answer(format!(
        "the answer is not from this API: {answer}, without an error code or message"
    ))
    .advise(
        "look for a proxy, firewall or gateway that forbids it: the credentials were not checked",
    )
}

pub(super) fn login_forbidden(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    login_refused(&refusal.answer)
        .advise("if these are right, the user may be locked, the password expired, or logins limited by IAM")
}

pub(super) fn unknown_key(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let (key, answer) = (refusal.key(), &refusal.answer);
    let place = refusal.evidence.endpoint.unwrap_or("this endpoint");
    let region = refusal.evidence.region.map(|region| format!(" ({region})"));
    refused(
        "unknown_key",
        format!("access key {key} is not known at {place} ({answer})"),
    )
    .advise(format!(
        "check that it belongs to this cloud and region{}: keys of Open Telekom Cloud and of Huawei Cloud, and of \
         some regions, are not known to each other",
        region.unwrap_or_default()
    ))
    .advise("check that it was not deleted; a temporary key needs its security token, too")
}

pub(super) fn another_project(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let (project, answer) = (
        refusal.evidence.project.unwrap_or("in use"),
        &refusal.answer,
    );
    refused(
        "wrong_project",
        format!("the credentials are not for project {project} ({answer})"),
    )
    .advise(
        "give the id of the project that they are for (--project-id), or credentials for this one",
    )
    .advise("each region has a project of its own: check --region, too")
}

pub(super) fn unknown_to_iam(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let answer = &refusal.answer;
    refused(
        "login_refused",
        format!("IAM did not find what was requested ({answer})"),
    )
}

pub(super) fn not_iam(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let answer = &refusal.answer;
    wrong_endpoint(format!(
        "the service at the address of IAM does not know its API ({answer})"
    ))
    .advise(format!("check {}", refusal.evidence.asked.endpoint()))
}

pub(super) fn not_ecs(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let answer = &refusal.answer;
    wrong_endpoint(format!(
        "the service at the endpoint does not know this API ({answer})"
    ))
    .advise("check the endpoint and the region: it must be that of ECS, such as https://ecs.eu-de.otc.t-systems.com")
}

pub(super) fn service_failure(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let answer = &refusal.answer;
    no_answer(format!(
        "the answer does not show whether the credentials work ({answer})"
    ))
    .advise("try again in a minute")
}

pub(super) fn invalid_token(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let answer = &refusal.answer;
    refused(
        "invalid_token",
        format!("the token is not accepted: it is not valid here, or it has expired ({answer})"),
    )
    .advise("take a new token, of this cloud and region, for this project")
}

pub(super) fn redirect(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    let asked = refusal.evidence.asked;
    wrong_endpoint(format!(
        "{} redirects to another address, which is not followed ({})",
        asked.endpoint(),
        refusal.answer
    ))
    .advise(match asked {
        Asked::Service => "give the address that it points to, if you trust it: --endpoint",
        Asked::Iam => "give the address that it points to, if you trust it: --iam-endpoint",
    })
}

pub(super) fn unreadable(refusal: &RefusedAnswer<'_>) -> Diagnosis {
    no_answer(format!(
        "the answer is not one of this API ({})",
        refusal.answer
    ))
    .advise("check the endpoint, and proxies and gateways between this machine and the service")
}
