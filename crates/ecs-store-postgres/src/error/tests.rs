use super::*;

#[test]
fn only_transient_errors_are_retried() {
    let kind = |code: &str| classify(&SqlState::from_code(code)).0;
    for temporary in [
        "08006", "53100", "53300", "57P01", "57P03", "40001", "40P01", "55P03", "25006",
    ] {
        assert_eq!(kind(temporary), StoreErrorKind::Unavailable, "{temporary}");
    }
    for refused in ["28P01", "28000", "3D000", "42501"] {
        assert_eq!(kind(refused), StoreErrorKind::Refused, "{refused}");
    }
    for schema in ["42P01", "42883", "3F000"] {
        assert_eq!(kind(schema), StoreErrorKind::Schema, "{schema}");
    }
    // A fault of the program: a retry cannot help. A cancelled statement is an answer too.
    for other in ["22003", "23505", "42601", "XX000", "57014"] {
        assert_eq!(kind(other), StoreErrorKind::Other, "{other}");
    }
}
