//! Names beside ids.

use super::*;

/// Returns the name beside each id.
fn names(text: &str) -> Vec<Option<String>> {
    let entries = read(text).entries.into_iter();
    entries.map(|entry| entry.name).collect()
}

#[track_caller]
fn expect_names(text: &str, expected: &[Option<&str>]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|name| name.map(str::to_owned))
        .collect();
    assert_eq!(names(text), expected, "{text:?}");
}

#[test]
fn formats_with_names_keep_them_beside_the_ids() {
    let one = [Some("web-1")];
    for text in [
        format!("ID,Name\n{A}, web-1 \n"),
        format!("Status;NAME;server_id\nACTIVE;web-1;{A}\n"),
        format!("name,id,server_name\nport-7,{A},web-1\n"),
        format!("[{{\"ID\": \"{A}\", \"Name\": \"web-1\"}}]"),
        format!("{{\"servers\": [{{\"name\": \"web-1\", \"id\": \"{A}\"}}]}}"),
        format!("{{\"server_id\": \"{A}\", \"name\": \"port-7\", \"server_name\": \"web-1\"}}"),
        format!("{{\"resources\": [{{\"resource_id\": \"{A}\", \"resource_name\": \"web-1\"}}]}}"),
        format!("- Name: web-1\n  ID: {A}\n"),
        format!("ID   NAME   STATUS\n{A}  web-1  ACTIVE\n"),
        format!(
            "{{\"o\": {{\"sensitive\": false, \"value\": {{\"id\": \"{A}\", \"name\": \"web-1\"}}}}}}"
        ),
    ] {
        expect_names(&text, &one);
    }
    let table = format!("ID  NAME  AZ\n{A}  web 1  az-1\n{B}  -  az-1\n");
    expect_names(&table, &[Some("web 1"), None]);
}

#[test]
fn what_may_be_something_else_is_no_name() {
    for text in [
        A.to_owned(),
        format!("{A} web-1\n"),
        format!("{A}  # web-1\n"),
        format!("ID  NAME\n{A}  web#1\n"),
        format!("ID  NAME  AZ\n{A}  web  1  az-1\n"),
        format!("ID,Name\n{A},\n"),
        format!("ID,Status\n{A},ACTIVE\n"),
        format!("[{{\"id\": \"{A}\", \"name\": null}}]"),
        format!("[{{\"id\": \"{A}\", \"server\": \"web-1\"}}]"),
        format!("{{\"web-1\": \"{A}\"}}"),
    ] {
        expect_names(&text, &[None]);
    }
    // A name that selects a server is compared by the selection itself.
    expect_names("Name\nweb-1\n", &[None]);
}
