use std::time::Instant;

use super::*;
use crate::term::Printer;

fn ids(count: usize) -> Vec<ServerId> {
    let id = |number: usize| {
        let mut bytes = [7; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        ServerId::from_bytes(bytes)
    };
    (0..count).map(id).collect()
}

async fn checked(command: &str, servers: &[ServerId]) -> Result<(), String> {
    check(
        command,
        servers,
        &BackgroundPrinter::new(&Printer::new(true)),
    )
    .await
}

#[cfg(unix)]
#[tokio::test]
async fn the_command_gets_the_ids_and_its_status_counts() {
    let servers = ids(2);
    let file = tempfile::NamedTempFile::new().unwrap();
    let command = format!("cat > '{}'", file.path().display());
    checked(&command, &servers).await.unwrap();
    let got = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(got, format!("{}\n{}\n", servers[0], servers[1]));
    for (command, text) in [
        ("exit 3", "exit status 3"),
        (
            "echo one >&2; echo ' two' >&2; echo >&2; exit 1",
            "exit status 1: two",
        ),
        (
            "printf 'no\\033[2J newline' >&2; exit 1",
            "exit status 1: no\\u{1b}[2J newline",
        ),
        ("nothing-like-this", "exit status 127: "),
        ("kill -9 $$", "signal: 9"),
    ] {
        let error = checked(command, &servers).await.unwrap_err();
        assert!(error.starts_with(text), "{command}: {error}");
    }
    let long = checked("printf '%0999d' 1 >&2; exit 1", &servers).await;
    assert!(long.unwrap_err().ends_with("000…"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_need_not_read_the_ids() {
    // More ids than a pipe buffers.
    let servers = ids(10_000);
    checked("true", &servers).await.unwrap();
    checked("exec <&-; sleep 0.05", &servers).await.unwrap();
    checked("head -n 1 > /dev/null", &servers).await.unwrap();
    let error = checked("exit 4", &servers).await.unwrap_err();
    assert_eq!(error, "exit status 4");
}

#[cfg(unix)]
#[tokio::test]
async fn child_processes_are_not_waited_for() {
    let begin = Instant::now();
    checked("sleep 120 & exit 0", &ids(1)).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(60));
}

/// The processes of the check hold a named pipe open, which ends when all of them have ended.
#[cfg(unix)]
#[tokio::test]
async fn a_dropped_check_is_killed_with_its_child_processes() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let command = format!("exec > '{}'; sleep 120 & wait", pipe.display());
    // Opening blocks until the check has opened it, too.
    let opened = tokio::task::spawn_blocking(move || std::fs::File::open(pipe));
    let servers = ids(1);
    let mut file = tokio::select! {
        ended = checked(&command, &servers) => panic!("it ended: {ended:?}"),
        file = opened => file.unwrap().unwrap(),
    };
    let begin = Instant::now();
    let end = tokio::task::spawn_blocking(move || std::io::copy(&mut file, &mut std::io::sink()));
    assert_eq!(end.await.unwrap().unwrap(), 0);
    assert!(begin.elapsed() < Duration::from_secs(60));
}

#[test]
fn the_program_of_a_simple_command_is_known() {
    for (command, expected) in [
        ("./check.sh", Some("./check.sh")),
        ("  curl -f https://x.example/health", Some("curl")),
        ("A=1 B_2=x ./check.sh --fast", Some("./check.sh")),
        ("$CHECK --fast", None),
        ("(cd x && ./y)", None),
        ("./a;./b", None),
        ("'my check' x", None),
        ("", None),
    ] {
        assert_eq!(program(command), expected, "{command:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_missing_command_is_detected() {
    for command in [
        "true",
        "if true; then false; fi",
        "A=1 true",
        "$UNKNOWN x",
        "exit 1",
    ] {
        check_exists(command).unwrap();
    }
    let fail = check_exists("/nonexistent/check.sh --fast").unwrap_err();
    assert!(
        fail.message.contains("/nonexistent/check.sh"),
        "{}",
        fail.message
    );
    let fail = check_exists("if true").unwrap_err();
    assert!(fail.message.contains("sh cannot read"), "{}", fail.message);
}
