use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Login, Reference, User};
use crate::{AuthErrorKind, Credentials, StaticCredentials};

fn body(login: &Login) -> Value {
    let (body, _) = login.body().unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn by_name() -> User {
    User::name("ops", Reference::name("OTC00000000001"))
}

fn agency() -> Login {
    let by = StaticCredentials::new(Credentials::token("MIID-base").unwrap());
    Login::agency(by, Reference::name("owner"), "restarter")
}

#[test]
fn a_password_by_name_for_a_project_by_name() {
    let login =
        Login::password(by_name(), "open \"sesame\"\n").for_project(Reference::name("eu-de"));
    assert_eq!(
        body(&login),
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": "ops", "domain": {"name": "OTC00000000001"}, "password": "open \"sesame\"\n"}}},
            "scope": {"project": {"name": "eu-de", "domain": {"name": "OTC00000000001"}}},
        }})
    );
}

#[test]
fn a_password_by_id_for_a_project_by_id() {
    let login = Login::password(User::id("u1"), "sesame").for_project(Reference::id("p1"));
    assert_eq!(
        body(&login),
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {"id": "u1", "password": "sesame"}}},
            "scope": {"project": {"id": "p1"}},
        }})
    );
}

#[test]
fn tokens_are_scoped() {
    let login = || Login::password(User::id("u1"), "sesame");
    let scope = |login: Login| body(&login)["auth"]["scope"].clone();
    assert_eq!(scope(login()), Value::Null);
    assert_eq!(
        scope(login().for_domain(Reference::id("d1"))),
        json!({"domain": {"id": "d1"}})
    );
    assert_eq!(
        scope(login().for_project(Reference::name("eu-de"))),
        json!({"project": {"name": "eu-de"}})
    );
    assert_eq!(
        scope(login().for_project_of(Reference::name("eu-de"), Reference::id("d1"))),
        json!({"project": {"name": "eu-de", "domain": {"id": "d1"}}})
    );
}

#[test]
fn a_passcode_goes_beside_the_password_and_once_only() {
    let login = Login::password(by_name(), "sesame").with_passcode("123456");
    assert_eq!(
        body(&login)["auth"]["identity"],
        json!({
            "methods": ["password", "totp"],
            "password": {"user": {
                "name": "ops", "domain": {"name": "OTC00000000001"}, "password": "sesame"}},
            "totp": {"user": {
                "name": "ops", "domain": {"name": "OTC00000000001"}, "passcode": "123456"}},
        })
    );
    let error = login.body().unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Refused);
    assert!(error.to_string().contains("passcode"), "{error}");
}

#[test]
fn a_token_and_an_agency() {
    assert_eq!(
        body(&Login::token("MIID").for_project(Reference::id("p1"))),
        json!({"auth": {
            "identity": {"methods": ["token"], "token": {"id": "MIID"}},
            "scope": {"project": {"id": "p1"}},
        }})
    );
    assert_eq!(
        body(&agency().for_project(Reference::name("eu-de"))),
        json!({"auth": {
            "identity": {"methods": ["assume_role"], "assume_role": {
                "domain_name": "owner", "xrole_name": "restarter"}},
            "scope": {"project": {"name": "eu-de", "domain": {"name": "owner"}}},
        }})
    );
}

#[test]
fn secrets_are_known_to_the_masker_only() {
    for (login, secrets) in [
        (
            Login::password(by_name(), "sesame").with_passcode("123456"),
            &["sesame", "123456"][..],
        ),
        (Login::token("MIID-secret"), &["MIID-secret"]),
        (agency(), &[]),
    ] {
        let shown = format!("{login:?} {login:#?}");
        let (_, reported) = login.body().unwrap();
        let reported: Vec<&str> = reported.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(reported, secrets);
        for secret in secrets.iter().chain(&["MIID-base"]) {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    assert!(format!("{:?}", agency()).contains("restarter"));
}
