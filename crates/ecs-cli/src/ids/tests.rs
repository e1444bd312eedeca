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

fn parse_ids(arguments: &[&str], text: &str) -> Result<Vec<ServerId>, Fail> {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    parse("server", &arguments, Some(&file(text)))
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
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let text = format!("{A}\n{A}\nweb-1\n{}\n\u{1b}[2J\n", A.to_uppercase());
    let fail = parse_ids(&["nonsense", A, B], &text).unwrap_err();
    assert_eq!(fail.exit, crate::exit::Exit::Usage);
    assert_eq!(
        fail.message,
        "6 server ids cannot be used, nothing was sent"
    );
    let begins = [
        "argument 1: \"nonsense\" is not a server id",
        &format!("servers.txt:1: {A} was given before (argument 2)"),
        &format!("servers.txt:2: {A} was given before (argument 2)"),
        "servers.txt:3: \"web-1\" is not a server id",
        &format!(
            "servers.txt:4: {} was given before (argument 2)",
            A.to_uppercase()
        ),
        "servers.txt:5: \"\\u{1b}[2J\" is not a server id",
    ];
    assert_eq!(fail.details.len(), begins.len());
    for (detail, begin) in fail.details.iter().zip(begins) {
        assert!(detail.starts_with(begin), "{detail}");
    }
}
