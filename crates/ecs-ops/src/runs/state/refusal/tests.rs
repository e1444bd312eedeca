use super::*;

fn id(number: u128) -> ServerId {
    ServerId::from_bytes(number.to_be_bytes())
}

/// The codes that are treated in their own way are in the catalogue, and prove that nothing was
/// executed.
#[test]
fn the_codes_are_documented() {
    let codes = [TOO_MANY_SERVERS].into_iter();
    for code in codes.chain(PERMISSIONS.iter().chain(ABOUT_THE_REQUEST).copied()) {
        let info = ErrorInfo::of(code).expect(code);
        assert_eq!(info.disposition.executed, Executed::No, "{code}");
        assert!(!info.disposition.one_server, "{code}");
    }
}

/// Every code that can be about one server is bisected, and none that may have been executed.
#[test]
fn every_documented_code() {
    for info in ErrorInfo::all() {
        let error = Problem::new("why").with_code(Some(info.code));
        let scope = scope(Classification::Refused, &error, &[id(1), id(2)]);
        if info.disposition.executed != Executed::No {
            assert_eq!(scope, Scope::Request, "{}", info.code);
        } else if info.disposition.one_server {
            assert_eq!(scope, Scope::Servers, "{}", info.code);
        }
    }
}

#[test]
fn the_scope_of_a_refusal() {
    use Classification::{Refused, RefusedCredentials, Throttled, Unknown};
    let servers = [id(1), id(2)];
    let names_one = format!("the id {} is invalid", id(2).to_string().to_uppercase());
    let names_all = format!("the ids {} and {} are invalid", id(1), id(2));
    let table = [
        (Refused, "Ecs.0118", "", Scope::TooManyServers),
        (Refused, "Ecs.0114", "", Scope::Servers),
        (Refused, "Ecs.0005", "", Scope::Request),
        (Refused, "Ecs.0005", names_one.as_str(), Scope::Servers),
        (Refused, "Ecs.0005", names_all.as_str(), Scope::Request),
        (Refused, "Ecs.0001", "", Scope::Request),
        (Refused, "APIGW.0101", "", Scope::Request),
        (RefusedCredentials, "Pdp.0001", "", Scope::Permission),
        (RefusedCredentials, "Ecs.0110", "", Scope::Permission),
        (RefusedCredentials, "APIGW.0301", "", Scope::Request),
        (RefusedCredentials, "Ecs.0067", "", Scope::Request),
        (Throttled, "Ecs.0603", "", Scope::Request),
        (Unknown, "Ecs.0114", "", Scope::Request),
        // Nothing was sent: the client refused it.
        (Refused, "", "cannot be sent", Scope::Request),
    ];
    for (classification, code, message, expected) in table {
        let code = Some(code).filter(|code| !code.is_empty());
        let error = Problem::new(message).with_code(code);
        let scope = scope(classification, &error, &servers);
        assert_eq!(scope, expected, "{classification:?} {code:?} {message}");
    }
}
