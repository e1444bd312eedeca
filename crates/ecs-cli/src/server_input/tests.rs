use super::*;

const A: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
const B: &str = "726fb98f-46ca-475e-917e-2563e5a8cd20";

fn read_all(arguments: &[&str], texts: &[&str]) -> Result<Vec<String>, CliError> {
    let folder = tempfile::tempdir().unwrap();
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let files: Vec<PathBuf> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let path = folder.path().join(format!("f{index}"));
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect();
    let servers = read(
        &arguments,
        &files,
        None,
        Purpose::Select,
        &Printer::new(true),
    )?;
    Ok(servers.servers.iter().map(ToString::to_string).collect())
}

#[test]
fn nothing_to_exclude_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty");
    std::fs::write(&path, "# none\n").unwrap();
    let exclude = |arguments: &[String], files: &[PathBuf]| {
        read(
            arguments,
            files,
            None,
            Purpose::Exclude,
            &Printer::new(true),
        )
    };
    let fail = exclude(&[], std::slice::from_ref(&path)).unwrap_err();
    assert!(
        fail.details[0].ends_with("empty: no server in the file"),
        "{:?}",
        fail.details
    );
    let fail = exclude(&[" ".to_owned()], &[]).unwrap_err();
    assert!(fail.details[0].ends_with("no server; is a shell variable unset?"));
    assert_eq!(exclude(&["db-1".to_owned()], &[]).unwrap().servers.len(), 1);
    assert!(exclude(&[], &[]).unwrap().servers.is_empty());
}

#[test]
fn arguments_come_first_then_files_in_their_order() {
    let json = format!("[\"{A}\"]");
    let found = read_all(&["web-1", "db-1,db-2"], &["x\n", &json]).unwrap();
    assert_eq!(found, ["web-1", "db-1", "db-2", "x", A]);
    assert!(read_all(&[], &["\n# none\n"]).unwrap().is_empty());
    let twice = read_all(&[A, "x"], &[&format!("{}\n{B}\n{B}\n", A.to_uppercase())]).unwrap();
    assert_eq!(twice, [A, "x", B]);
}

#[test]
fn all_errors_are_shown_with_their_positions() {
    let fail = read_all(
        &["", A, "a\u{1b}b"],
        &[&format!("{A}\n{B}\n"), "no such name\n"],
    )
    .unwrap_err();
    assert_eq!(fail.exit, crate::exit::Exit::Usage);
    assert_eq!(fail.message, "3 servers cannot be used; nothing was sent");
    let parts = [
        "argument 1: no server; is a shell variable unset?",
        "argument 3: \"a\\u{1b}b\" is not a server id or name: it has control characters",
        "f1:1:1: this line has several words, and none is an id: \"no such name\"",
    ];
    for (detail, part) in fail.details.iter().zip(parts) {
        assert!(detail.ends_with(part), "{detail}");
    }
    assert!(fail.hint.unwrap().contains("openstack server list -f json"));
}

#[test]
fn ten_of_many_errors_are_shown_and_all_are_counted() {
    let many = "not a name\n".repeat(5000);
    let fail = read_all(&[], &[&many]).unwrap_err();
    assert_eq!(
        fail.message,
        "5000 servers cannot be used; nothing was sent"
    );
    assert_eq!(fail.details.len(), 11);
    assert_eq!(fail.details[10], "and 4990 more");
}

#[test]
fn unreadable_files_are_reported() {
    let missing = [PathBuf::from("/nonexistent/list")];
    let fail = read(&[], &missing, None, Purpose::Select, &Printer::new(true)).unwrap_err();
    assert!(
        fail.message
            .starts_with("cannot read servers from /nonexistent/list: "),
        "{}",
        fail.message
    );
    let twice = [PathBuf::from("-"), PathBuf::from("-")];
    let fail = read(&[], &twice, None, Purpose::Select, &Printer::new(true)).unwrap_err();
    assert!(fail.message.contains("only once"));
}

/// A wrong file may contain secrets.
#[test]
fn values_of_the_wrong_file_are_not_shown() {
    for text in [
        "export OS_PASSWORD=hunter2\nexport OS_USERNAME=hunter2\n",
        "OS_PASSWORD=hunter2\n",
        "web-1\n  password: hunter2\n",
        "# a key\n-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n",
    ] {
        let fail = read_all(&[], &[text]).unwrap_err();
        let shown = format!("{} {:?} {:?}", fail.message, fail.details, fail.hint);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains(":1:1: ") || shown.contains(":2:"), "{shown}");
    }
    let fail = read_all(&[], &["export OS_PASSWORD=hunter2\n"]).unwrap_err();
    assert!(
        fail.details[0].ends_with("\"export OS_PASSWORD=…\""),
        "{:?}",
        fail.details
    );
}
