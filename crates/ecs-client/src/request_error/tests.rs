use std::error::Error as _;

use ecs_model::ResponseError;
use ecs_transport::{Delivery, TransportErrorKind};
use http::HeaderMap;

use super::*;
use crate::Error;

#[test]
fn causes_are_in_the_text_once_and_are_sources() {
    let io = std::io::Error::other("broken pipe");
    let error = TransportError::new(TransportErrorKind::Closed, Delivery::MaybeSent);
    let error = RequestError::of_transport(Classification::Transient, error.with_source(io));
    assert_eq!(error.source().unwrap().to_string(), "broken pipe");
    assert!(!error.to_string().contains("broken pipe"), "{error}");
    assert_eq!(error.problem().message, chain(&error));
}

/// An answer is no source of the error: a secret that it repeats must not be reachable beside the
/// masked text.
#[test]
fn secrets_repeated_by_an_answer_are_masked() {
    let body = br#"{"error":{"code":"no-secret-1","message":"token no-secret-1 is not valid"}}"#;
    let answer = ResponseError::parse(StatusCode::UNAUTHORIZED, &HeaderMap::new(), body);
    let credentials = Credentials::token("no-secret-1").unwrap();
    let error = RequestError::of_answer(Classification::RefusedCredentials, &answer, None);
    let error = error.masked(&credentials);
    assert!(error.source().is_none());
    let shown = format!("{error} {error:?} {:?}", Error::from(error.clone()));
    assert!(!shown.contains("no-secret-1"), "{shown}");
    assert!(shown.contains("*** is not valid"), "{shown}");
}

#[test]
fn failed_renewal_keeps_the_refusal() {
    let answer = ResponseError::parse(
        StatusCode::UNAUTHORIZED,
        &HeaderMap::new(),
        br#"{"error":{"code":"Common.0013","message":"Invalid token."}}"#,
    );
    let refusal = RequestError::of_answer(Classification::RefusedCredentials, &answer, None);
    let sealed = AuthError::new(AuthErrorKind::Unavailable, "the vault is sealed");
    let error = refusal.and_no_others(&sealed);
    assert_eq!(error.classification(), Classification::NotDelivered);
    assert_eq!(error.status(), Some(StatusCode::UNAUTHORIZED));
    assert_eq!(error.problem().code.as_deref(), Some("Common.0013"));
    assert_eq!(error.problem().message, chain(&error));
    assert!(chain(&error).ends_with("other credentials: the vault is sealed"));
}
