use ecs_ops::model::ServerId;

use super::*;

const A: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
const B: &str = "726fb98f-46ca-475e-917e-2563e5a8cd20";

fn parse_ids(arguments: &[&str]) -> Result<Vec<String>, CliError> {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let ids: Vec<ServerId> = parse("server", &arguments)?;
    Ok(ids.iter().map(ToString::to_string).collect())
}

#[test]
fn an_id_that_is_given_again_counts_once() {
    let again = A.to_uppercase();
    assert_eq!(parse_ids(&[A, B, &again]).unwrap(), [A, B]);
    assert!(parse_ids(&[]).unwrap().is_empty());
}

#[test]
fn all_errors_are_reported_with_their_positions() {
    let fail = parse_ids(&["nonsense", A, "\u{1b}[2J"]).unwrap_err();
    assert_eq!(fail.exit, crate::exit::Exit::Usage);
    assert_eq!(
        fail.message,
        "2 server ids cannot be used, nothing was sent"
    );
    let begins = [
        "argument 1: \"nonsense\" is not a server id",
        "argument 3: \"\\u{1b}[2J\" is not a server id",
    ];
    assert_eq!(fail.details.len(), begins.len());
    for (detail, begin) in fail.details.iter().zip(begins) {
        assert!(detail.starts_with(begin), "{detail}");
    }
}
