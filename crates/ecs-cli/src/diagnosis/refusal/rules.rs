//! The rules that explain a refusal. The first one that applies is used.

mod explanations;

use ecs_ops::auth::{CredentialKind, Echo, MAX_CLOCK_SKEW};

use self::explanations::{
    another_project, forbidden_without_text, invalid_token, locked_key, login_forbidden, moved,
    not_ecs, not_iam, page_elsewhere, page_of_an_intermediary, proxy, redirect, service_failure,
    unknown_key, unknown_to_iam, unreadable, wrong_endpoint,
};
use super::super::{Asked, Clocks, Diagnosis, Evidence, refused};
use super::{
    answer, expired, login_refused, path_of_iam, permission_in, skewed, times_in,
    without_permission, wrong_signature,
};

/// Parts of messages, in lower case, and codes, as the services send them.
mod texts {
    /// Too many wrong signatures.
    pub(super) const LOCKED: &[&str] = &["reach the limit"];
    /// The time of a signature is too far from the service's.
    pub(super) const SIGNATURE_EXPIRED: &[&str] = &["signature expired"];
    /// A policy forbids the request.
    pub(super) const POLICY: &[&str] = &["policy does not allow", "policy doesn't allow"];
    pub(super) const TOKEN_EXPIRED: &[&str] = &[
        "token expire",
        "token has expired",
        "token is expired",
        "token has expire",
    ];
    pub(super) const WRONG_SIGNATURE: &[&str] = &[
        "aksk signature",
        "verify signature",
        "signature fail",
        "verify ak sk",
    ];
    /// Credentials of another project than that of the request.
    pub(super) const ANOTHER_PROJECT: &[&str] = &[
        "another project",
        "tenantid",
        "does not match the one in url",
        "doesn't match context's project_id",
        "not equal token's projectid",
    ];
    /// The codes of this refusal.
    pub(super) const ANOTHER_PROJECT_CODES: &[&str] = &["Ecs.0023", "Common.0018"];
}

/// A refusal.
pub(super) struct RefusedAnswer<'a> {
    evidence: &'a Evidence<'a>,
    status: u16,
    code: Option<&'a str>,
    message: &'a str,
    lowercase: String,
    echo: Option<&'a Echo>,
    /// The description of the answer.
    answer: String,
}

impl<'a> RefusedAnswer<'a> {
    pub(super) fn new(
        evidence: &'a Evidence<'a>,
        status: u16,
        code: Option<&'a str>,
        message: &'a str,
        echo: Option<&'a Echo>,
    ) -> Self {
        Self {
            evidence,
            status,
            code,
            message,
            lowercase: message.to_lowercase(),
            echo,
            answer: answer(status, code, message),
        }
    }

    /// Explains the refusal by the first rule that applies.
    pub(super) fn explain(&self) -> Diagnosis {
        match RULES.iter().find(|rule| (rule.applies)(self)) {
            Some(rule) => {
                tracing::debug!(rule = rule.name, "a rule explains the refusal");
                (rule.explain)(self)
            }
            None => unreadable(self),
        }
    }

    /// Returns whether the message has one of these parts.
    fn has(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.lowercase.contains(part))
    }

    /// Returns whether the answer has a code or a message.
    fn has_text(&self) -> bool {
        self.code.is_some() || !self.message.is_empty()
    }

    /// Returns whether the request was signed.
    fn signs(&self) -> bool {
        self.echo.is_some()
    }

    /// Returns whether a user name and a password were given to IAM.
    fn logs_in(&self) -> bool {
        let is_password = self.evidence.kind == CredentialKind::Password;
        self.evidence.asked == Asked::Iam && is_password
    }

    /// Returns whether IAM did not find what was requested.
    fn is_unknown_to_iam(&self) -> bool {
        self.status == 404 && self.evidence.asked == Asked::Iam
    }

    /// Returns whether a permission is missing, or a policy forbids it.
    fn names_permission(&self) -> bool {
        self.has(texts::POLICY) || permission_in(self.message).is_some()
    }

    fn is_of_another_project(&self) -> bool {
        let has_code = |code| texts::ANOTHER_PROJECT_CODES.contains(&code);
        self.code.is_some_and(has_code) || self.has(texts::ANOTHER_PROJECT)
    }

    /// Returns whether the clocks are too far apart for a signature.
    fn is_skewed(&self) -> bool {
        let apart = self.evidence.clocks().map(Clocks::apart);
        self.signs() && apart.is_some_and(|apart| apart > MAX_CLOCK_SKEW)
    }

    /// Returns whether a page answered in the service's place, with a status of this kind.
    fn is_page(&self, has_status: impl Fn(u16) -> bool) -> bool {
        self.evidence.unproven.is_some() && has_status(self.status)
    }

    /// Returns the page that answered in place of the service.
    fn page(&self) -> &str {
        self.evidence.unproven.map_or("", |page| page.described)
    }

    fn key(&self) -> &str {
        self.evidence.access_key.unwrap_or("in use")
    }
}

/// An explanation with its condition.
struct Rule {
    /// The name for the log and the tests.
    name: &'static str,
    applies: fn(&RefusedAnswer<'_>) -> bool,
    explain: fn(&RefusedAnswer<'_>) -> Diagnosis,
}

const fn rule(
    name: &'static str,
    applies: fn(&RefusedAnswer<'_>) -> bool,
    explain: fn(&RefusedAnswer<'_>) -> Diagnosis,
) -> Rule {
    Rule {
        name,
        applies,
        explain,
    }
}

/// The rules in their order: messages take precedence over statuses.
const RULES: &[Rule] = &[
    rule(
        "locked key",
        |refusal| refusal.has(texts::LOCKED),
        locked_key,
    ),
    rule(
        "signature expired",
        |refusal| refusal.signs() && refusal.has(texts::SIGNATURE_EXPIRED),
        |refusal| {
            let clocks = times_in(&refusal.lowercase).or_else(|| refusal.evidence.clocks());
            skewed(clocks, &refusal.answer)
        },
    ),
    rule("proxy", |refusal| refusal.status == 407, proxy),
    rule("page, moved", |refusal| moved_to(refusal).is_some(), moved),
    rule(
        "page, elsewhere",
        |refusal| refusal.is_page(|status| matches!(status, 300..=399 | 404)),
        page_elsewhere,
    ),
    // An error of a gateway about an unavailable service is no such page.
    rule(
        "page, on the way",
        |refusal| {
            refusal.is_page(|status| matches!(status, 200..=299 | 400..=403 | 405..=407 | 409..=428 | 430..=498))
        },
        page_of_an_intermediary,
    ),
    rule(
        "forbidden without a text",
        |refusal| refusal.status == 403 && !refusal.has_text(),
        forbidden_without_text,
    ),
    rule(
        "login forbidden",
        |refusal| refusal.status == 403 && refusal.logs_in() && !refusal.names_permission(),
        login_forbidden,
    ),
    rule(
        "no permission",
        |refusal| refusal.status == 403 || refusal.has(texts::POLICY),
        |refusal| without_permission(refusal.evidence, refusal.message, &refusal.answer),
    ),
    rule(
        "unknown key",
        |refusal| is_unknown_key(&refusal.lowercase),
        unknown_key,
    ),
    rule(
        "expired",
        |refusal| refusal.has(texts::TOKEN_EXPIRED),
        |refusal| expired(refusal.evidence, &refusal.answer),
    ),
    rule(
        "wrong signature",
        |refusal| refusal.has(texts::WRONG_SIGNATURE),
        |refusal| wrong_signature(refusal.key(), refusal.echo, &refusal.answer),
    ),
    rule(
        "another project",
        |refusal| refusal.is_of_another_project(),
        another_project,
    ),
    // The message does not explain it, but the date of the answer does.
    rule(
        "clock skew",
        |refusal| refusal.status == 401 && refusal.is_skewed(),
        |refusal| skewed(refusal.evidence.clocks(), &refusal.answer),
    ),
    rule(
        "unknown agency",
        |refusal| refusal.is_unknown_to_iam() && refusal.has_text() && refusal.evidence.agency,
        |refusal| {
            unknown_to_iam(refusal)
                .advise("check the agency's name and that of its domain, and the address of IAM")
        },
    ),
    rule(
        "unknown login",
        |refusal| refusal.is_unknown_to_iam() && refusal.has_text() && refusal.logs_in(),
        |refusal| {
            unknown_to_iam(refusal)
                .advise(path_of_iam(refusal.evidence))
                .advise("otherwise check the names of user, domain and project")
        },
    ),
    rule(
        "unknown path of IAM",
        |refusal| refusal.is_unknown_to_iam() && refusal.has_text(),
        |refusal| {
            wrong_endpoint(format!(
                "IAM did not find what was requested ({})",
                refusal.answer
            ))
            .advise(path_of_iam(refusal.evidence))
        },
    ),
    rule("not IAM", |refusal| refusal.is_unknown_to_iam(), not_iam),
    rule("not ECS", |refusal| refusal.status == 404, not_ecs),
    rule(
        "service in trouble",
        |refusal| matches!(refusal.status, 408 | 429 | 500..),
        service_failure,
    ),
    rule(
        "login refused",
        |refusal| refusal.status == 401 && refusal.logs_in(),
        |refusal| login_refused(&refusal.answer),
    ),
    rule(
        "invalid token",
        |refusal| refusal.status == 401 && !refusal.signs(),
        invalid_token,
    ),
    rule(
        "redirect",
        |refusal| matches!(refusal.status, 300..=399),
        redirect,
    ),
    rule(
        "refused",
        |refusal| matches!(refusal.status, 400..=499),
        |refusal| refused("refused", format!("refused: {}", refusal.answer)),
    ),
];

/// Returns the address to which the whole site redirects, if it does.
fn moved_to(refusal: &RefusedAnswer<'_>) -> Option<String> {
    let moved_to = refusal.evidence.unproven?.moved_to?;
    Some(moved_to.to_string())
}

/// Returns whether the message is `ak not exist`, also with the key between the words.
fn is_unknown_key(lowercase: &str) -> bool {
    let mut pieces = lowercase.split(|c: char| !c.is_ascii_alphanumeric());
    let names_a_key = pieces.any(|piece| piece == "ak");
    lowercase.contains("get secretkey failed") || (names_a_key && lowercase.contains("not exist"))
}

#[cfg(test)]
mod tests;
