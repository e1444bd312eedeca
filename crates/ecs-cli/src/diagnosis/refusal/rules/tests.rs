use super::*;
use crate::diagnosis::{End, UnprovenAnswer};

/// An answer of which only this is known.
struct Case {
    kind: CredentialKind,
    asked: Asked,
    agency: bool,
    is_page: bool,
    status: u16,
    message: &'static str,
    code: Option<&'static str>,
    signed: bool,
    /// The minutes by which the service's clock is ahead.
    ahead: i64,
}

const CASE: Case = Case {
    kind: CredentialKind::AccessKey,
    asked: Asked::Service,
    agency: false,
    is_page: false,
    status: 401,
    message: "",
    code: None,
    signed: true,
    ahead: 0,
};

const LOGIN: Case = Case {
    kind: CredentialKind::Password,
    asked: Asked::Iam,
    signed: false,
    ..CASE
};

impl Case {
    /// The name of the rule that applies, and its finding.
    fn outcome(&self) -> (Option<&'static str>, &'static str) {
        let our_time: jiff::Timestamp = "2026-11-23T12:59:00Z".parse().unwrap();
        let unproven = self.is_page.then_some(UnprovenAnswer {
            described: "a page",
            moved_to: None,
        });
        let evidence = Evidence {
            kind: self.kind,
            agency: self.agency,
            access_key: Some("HPUA0EXAMPLE"),
            endpoint: None,
            region: None,
            project: None,
            our_time,
            their_time: Some(our_time + jiff::SignedDuration::from_mins(self.ahead)),
            proxies: &[],
            asked: self.asked,
            unproven,
            end: End::Answered,
        };
        let echo = self.signed.then_some(&Echo::Missing);
        let refusal = RefusedAnswer::new(&evidence, self.status, self.code, self.message, echo);
        let rule = RULES.iter().find(|rule| (rule.applies)(&refusal));
        (rule.map(|rule| rule.name), refusal.explain().finding)
    }
}

/// Returns one case for each rule, in their order.
#[rustfmt::skip]
fn cases() -> Vec<(&'static str, &'static str, Case)> {
    vec![
        ("locked key", "locked_key", Case { message: "AK access failed to reach the limit,forbidden.", ..CASE }),
        ("signature expired", "clock_skew", Case { message: "signature expired", ..CASE }),
        ("proxy", "proxy", Case { status: 407, ..CASE }),
        ("page, elsewhere", "wrong_endpoint", Case { status: 404, is_page: true, ..CASE }),
        ("page, on the way", "no_answer", Case { is_page: true, ..CASE }),
        ("forbidden without a text", "no_answer", Case { status: 403, ..CASE }),
        ("login forbidden", "login_refused", Case { status: 403, message: "No.", ..LOGIN }),
        ("no permission", "missing_permission", Case { message: "Policy doesn't allow it.", ..CASE }),
        ("unknown key", "unknown_key", Case { message: "err:ak not exist", ..CASE }),
        ("expired", "expired", Case { message: "The token has expired.", ..CASE }),
        ("wrong signature", "wrong_secret_key", Case { message: "verify aksk signature fail", ..CASE }),
        ("another project", "wrong_project", Case { code: Some("Common.0018"), ..CASE }),
        ("clock skew", "clock_skew", Case { ahead: 16, ..CASE }),
        ("unknown agency", "login_refused", Case { status: 404, message: "No.", agency: true, ..LOGIN }),
        ("unknown login", "login_refused", Case { status: 404, message: "No.", ..LOGIN }),
        ("unknown path of IAM", "wrong_endpoint", Case { status: 404, message: "No.", asked: Asked::Iam, ..CASE }),
        ("not IAM", "wrong_endpoint", Case { status: 404, ..LOGIN }),
        ("not ECS", "wrong_endpoint", Case { status: 404, ..CASE }),
        ("service in trouble", "no_answer", Case { status: 503, ..CASE }),
        ("login refused", "login_refused", LOGIN),
        ("invalid token", "invalid_token", Case { kind: CredentialKind::Token, signed: false, ..CASE }),
        ("redirect", "wrong_endpoint", Case { status: 302, ..CASE }),
        ("refused", "refused", Case { status: 400, ..CASE }),
    ]
}

#[test]
fn each_rule_applies_to_its_case() {
    for (name, finding, case) in cases() {
        assert_eq!(case.outcome(), (Some(name), finding));
    }
}

/// Only the rule of a site that moved has no case: it needs the address.
#[test]
fn each_rule_has_a_case_and_a_name_of_its_own() {
    let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    let mut cases: Vec<&str> = cases().iter().map(|(name, ..)| *name).collect();
    cases.insert(3, "page, moved");
    assert_eq!(names, cases);
}

#[test]
fn an_answer_that_fits_no_rule_is_not_of_this_api() {
    let case = Case {
        status: 600,
        ..CASE
    };
    assert_eq!(case.outcome(), (Some("service in trouble"), "no_answer"));
    let case = Case {
        status: 200,
        ..CASE
    };
    assert_eq!(case.outcome(), (None, "no_answer"));
}

/// A message decides before a status does, and a status before the clocks.
#[test]
fn the_message_takes_precedence() {
    let skewed = Case {
        ahead: 16,
        message: "The token has expired.",
        ..CASE
    };
    assert_eq!(skewed.outcome().0, Some("expired"));
    let policy = Case {
        status: 403,
        message: "Policy doesn't allow it.",
        ..LOGIN
    };
    assert_eq!(policy.outcome().0, Some("no permission"));
}
