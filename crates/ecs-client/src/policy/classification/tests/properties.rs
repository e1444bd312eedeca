//! Properties of the classification of any answer.

use proptest::prelude::*;

use super::*;

/// Returns pages, errors in every form with codes that exist and that do not, and cut or mixed
/// texts.
fn bodies() -> impl Strategy<Value = String> {
    let code = prop_oneof![
        prop::sample::select(ErrorInfo::all()).prop_map(|info| info.code.to_owned()),
        "[A-Z][a-z]{1,6}\\.[0-9]{1,5}",
        "[0-9]{3}",
        "[a-z_]{0,12}",
    ];
    let formed = (code, 0_usize..6).prop_map(|(code, family)| families(&code)[family].clone());
    let cut = (formed.clone(), any::<prop::sample::Index>())
        .prop_map(|(body, at)| body.chars().take(at.index(body.len())).collect());
    let fault = ("[a-zA-Z]{4,20}", 100_u16..1000)
        .prop_map(|(name, code)| format!(r#"{{"{name}":{{"code":{code},"message":"m"}}}}"#));
    prop_oneof![
        3 => formed,
        1 => cut,
        1 => fault,
        1 => "[^{]{0,80}",
        1 => prop::sample::select(UNPROVEN).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Without proof of its maker an answer proves nothing about an action, except for a proxy that
    /// wants credentials.
    #[test]
    fn answers_of_unproven_origin_prove_nothing(
        status in 100_u16..1000,
        body in bodies(),
        id in prop::option::of("[a-z0-9-]{1,12}"),
        challenges: bool,
    ) {
        let mut headers = HeaderMap::new();
        if let Some(id) = id {
            headers.insert("x-request-id", id.parse().unwrap());
        }
        if challenges {
            headers.insert("proxy-authenticate", "Basic".parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        let error = ResponseError::parse(status, &headers, body.as_bytes());
        let classification = classify(ACTION, AttemptOutcome::Answered(&error));
        if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED && challenges {
            prop_assert_eq!(classification, Classification::NotForwarded);
        } else if !error.origin().is_proven() {
            prop_assert_eq!(classification, Classification::Unknown);
        }
        if classification == Classification::Throttled || classification == Classification::RefusedCredentials {
            prop_assert!(error.origin() != ecs_model::AnswerOrigin::ServiceWithoutCode);
        }
    }

    #[test]
    fn no_answer_leads_to_a_panic(status in 100_u16..1000, body: Vec<u8>) {
        let status = StatusCode::from_u16(status).unwrap();
        let error = ResponseError::parse(status, &HeaderMap::new(), &body);
        for idempotency in [ACTION, READ] {
            classify(idempotency, AttemptOutcome::Answered(&error));
        }
    }
}
