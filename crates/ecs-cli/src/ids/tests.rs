use ecs_ops::model::ServerId;

use super::*;

const A: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
const B: &str = "726fb98f-46ca-475e-917e-2563e5a8cd20";

fn file(text: &str) -> IdFile {
    IdFile {
        name: "servers.txt".to_owned(),
        text: text.to_owned(),
    }
}

fn parse_all(arguments: &[&str], text: &str) -> Result<Ids<ServerId>, Fail> {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    parse("server", &arguments, Some(&file(text)))
}

fn parse_ids(arguments: &[&str], text: &str) -> Result<Vec<ServerId>, Fail> {
    parse_all(arguments, text).map(|given| given.ids)
}

#[test]
fn arguments_come_first_then_lines() {
    let text = format!(
        "\u{feff}# web servers\r\n\r\n  {}  # web-1\r\n",
        B.to_uppercase()
    );
    let ids = parse_ids(&[A], &text).unwrap();
    assert_eq!(
        ids.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [A, B]
    );
    assert!(parse_ids(&[], "# nothing\n\n").unwrap().is_empty());
}

#[test]
fn an_id_that_is_given_again_counts_once() {
    let text = format!("{A}\n{B}\n{}\n", A.to_uppercase());
    let given = parse_all(&[A, B], &text).unwrap();
    let ids: Vec<String> = given.ids.iter().map(ToString::to_string).collect();
    assert_eq!((ids, given.repeated), (vec![A.to_owned(), B.to_owned()], 3));
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let text = format!("{A}\n{A}\nweb-1\n\u{1b}[2J\n");
    let fail = parse_ids(&["nonsense", A, B], &text).unwrap_err();
    assert_eq!(fail.exit, crate::exit::Exit::Usage);
    assert_eq!(
        fail.message,
        "3 server ids cannot be used, nothing was sent"
    );
    let begins = [
        "argument 1: \"nonsense\" is not a server id",
        "servers.txt:3: \"web-1\" is not a server id",
        "servers.txt:4: \"\\u{1b}[2J\" is not a server id",
    ];
    assert_eq!(fail.details.len(), begins.len());
    for (detail, begin) in fail.details.iter().zip(begins) {
        assert!(detail.starts_with(begin), "{detail}");
    }
}
