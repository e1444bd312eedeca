use std::time::Duration;

use clap::Parser as _;
use serde_json::{Value, json};

use super::*;
use crate::args::{Cli, Command, duration};
use crate::command_line::quoted;

const ID: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";

/// Returns the command that resumes the run of this command line, and the missing secrets.
fn again(line: &[&str], servers: &[&str]) -> (String, String) {
    let cli = Cli::try_parse_from(line).unwrap();
    let (action, args) = match cli.command {
        Command::Reboot(reboot) => reboot.split().unwrap(),
        Command::Start(start) => start.split(),
        Command::Stop(stop) => stop.split(),
        _ => panic!("{line:?}"),
    };
    let run = NextSteps::of_run(action, &args, &cli.global, None);
    let arguments = match &run.named {
        Some(journal) => CommandLine::command("resume")
            .then([place(journal)])
            .and(run.resume),
        None => {
            let (before, after) = run.again.unwrap();
            before.then(servers.iter().copied()).and(after)
        }
    };
    (arguments.line().unwrap(), arguments.secrets())
}

#[test]
fn every_option_is_repeated() {
    let line = format!(
        "ecsctl reboot {ID} --type soft --wave 10% --pause 90s --max-failures 0 --health-cmd ./check.sh \
         --health-timeout 10s --canary 2 --canary-pause 1m30s --order random --order-seed 7 --spread-by tag:role \
         --escalate hard-after 5m --escalate hard-if-hung 30m --batch-size 7 --deadline 1h1m1s --stalled-after 250ms --verify --verify-timeout 2m \
         --reconcile --allow-autoscaling-members --no-preflight --yes --attempt-timeout 30s --servers-per-minute 10 --output json --endpoint https://ecs.example \
         --region r --project-id p --access-key AK --secret-key-file key --iam-endpoint https://iam.example \
         --as-endpoint https://as.example --cts-endpoint https://cts.example --ca-file ca.pem --quiet"
    );
    let given: Vec<&str> = line.split_whitespace().collect();
    let expected = line.replace(" --type soft", "").replace("90s", "1m30s");
    let (arguments, secrets) = again(&given, &[ID]);
    let expected: Vec<&str> = expected.split_whitespace().collect();
    assert_eq!(arguments, expected.join(" "));
    assert!(secrets.is_empty());
    // The parsed command prints the same line.
    let twice: Vec<&str> = arguments.split(' ').collect();
    assert_eq!(again(&twice, &[ID]).0, arguments);
}

#[test]
fn defaults_and_secrets_are_omitted() {
    let (arguments, secrets) = again(
        &[
            "ecsctl",
            "--token",
            "T0PSECRET",
            "stop",
            "--all",
            "--wave",
            "5",
        ],
        &["--from-file", "/tmp/a b"],
    );
    assert_eq!(arguments, "ecsctl stop --from-file '/tmp/a b' --wave 5");
    assert_eq!(secrets, "--token");
    let (arguments, _) = again(&["ecsctl", "stop", "--type", "soft", ID], &[ID]);
    assert_eq!(arguments, format!("ecsctl stop {ID} --type soft"));
    let (arguments, _) = again(&["ecsctl", "reboot", "--type", "hard", ID], &[ID]);
    assert_eq!(arguments, format!("ecsctl reboot {ID} --type hard"));
    let (arguments, _) = again(
        &[
            "ecsctl",
            "start",
            "--all",
            "--resubmit-unknown",
            "--cloud",
            "otc",
        ],
        &["--from-file", "f"],
    );
    assert_eq!(arguments, "ecsctl start --from-file f --cloud otc");
}

#[test]
fn a_journal_needs_no_more_than_credentials() {
    let run = "ecsctl reboot --all --wave 5 --journal run.jsonl --yes --sim --sim-fail 5% -o jsonl --servers-per-minute 60";
    let (arguments, _) = again(&run.split(' ').collect::<Vec<_>>(), &[]);
    let expected =
        "ecsctl resume run.jsonl --servers-per-minute 60 --output jsonl --sim --sim-fail 5%";
    assert_eq!(arguments, expected);
    let cli = Cli::try_parse_from([
        "ecsctl",
        "resume",
        "run.jsonl",
        "--reconcile",
        "--health-cmd",
        "true && x",
        "--health-timeout",
        "1m",
    ]);
    let cli = cli.unwrap();
    let Command::Resume(args) = &cli.command else {
        panic!("{cli:?}");
    };
    let run = NextSteps::of_resume(args, &args.journal, false, &cli.global);
    let report = report(json!([server(1, "not_attempted")]));
    let [step] = &run.steps(&report, &KNOWN)[..] else {
        panic!("one step");
    };
    let expected =
        "  ecsctl resume run.jsonl --reconcile --health-cmd 'true && x' --health-timeout 1m";
    assert_eq!(step.lines()[1], expected);
}

/// A context and an operator select other credentials and another endpoint.
#[test]
fn the_place_has_context_and_operator() {
    let run = "ecsctl stop --all --journal j --yes --context prod --region eu-de --operator otc";
    let expected = "ecsctl resume j --context prod --region eu-de --operator otc";
    assert_eq!(again(&run.split(' ').collect::<Vec<_>>(), &[]).0, expected);
}

/// A dash begins no option, and a newline ends no command.
#[test]
fn every_argument_survives_the_command_line() {
    let run = ["ecsctl", "stop", "--all", "--journal=-dash.jsonl"];
    assert_eq!(again(&run, &[]).0, "ecsctl resume ./-dash.jsonl");
    let check = ["stop", "--all", "--wave=1", "--health-cmd", "true\nfalse"];
    let (line, _) = again(&[&["ecsctl"], &check[..]].concat(), &[ID]);
    #[cfg(unix)]
    assert!(
        line.contains(r#" --health-cmd "$(printf 'true\012false')""#),
        "{line}"
    );
}

#[cfg(unix)]
#[test]
fn a_shell_reads_the_same_arguments() {
    let arguments = [
        "a",
        "",
        "it's",
        "$HOME `x` \"y\" \\",
        "*",
        "a\nb",
        "ü",
        "--x=-1",
        "~",
        "tag:a b",
    ];
    let quoted: Vec<_> = arguments
        .iter()
        .map(|word| quoted(word.as_ref()).unwrap())
        .collect();
    let script = format!("printf '%s\\0' {}", quoted.join(" "));
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .output();
    let output = output.unwrap().stdout;
    let read: Vec<_> = output.split(|byte| *byte == 0).collect();
    let expected: Vec<_> = arguments
        .iter()
        .map(|word| word.as_bytes())
        .chain([&b""[..]])
        .collect();
    assert_eq!(read, expected);
}

#[test]
fn printed_durations_are_parsed_back() {
    for text in ["5m", "1h30m", "90s", "250ms", "1h", "1s1ms", "3us", "25h"] {
        let parsed = duration(text).unwrap();
        assert_eq!(duration(&written(parsed)), Ok(parsed), "{text}");
    }
    assert_eq!(written(Duration::from_secs(90 * 60)), "1h30m");
}

#[test]
fn ids_are_written_to_a_new_file() {
    let id: ServerId = ID.parse().unwrap();
    let run_id = format!("test-{}", std::process::id());
    let path = write(&run_id, "not-attempted", &[id]).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, format!("# not attempted by run {run_id}\n{ID}\n"));
    // An existing file is never overwritten.
    write(&run_id, "not-attempted", &[id]).unwrap_err();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::remove_file(path).unwrap();
}

const KNOWN: RunContext<'_> = RunContext {
    no_wait: false,
    reconciled: false,
    simulated: false,
    unready: &[],
};

fn id(number: usize) -> ServerId {
    format!("00000000-0000-0000-0000-{number:012}")
        .parse()
        .unwrap()
}

fn server(number: usize, outcome: &str) -> Value {
    json!({"id": id(number), "outcome": outcome, "job_id": "job-1", "error": {"code": "Ecs.0227", "message": "no"}})
}

/// Returns a server whose request was not answered.
fn lost(number: usize) -> Value {
    json!({"id": id(number), "outcome": "unknown", "error": {"code": null, "message": "lost"}})
}

fn report(servers: Value) -> Report {
    let jobs: Vec<Value> = ["job-1", "job-2"]
        .map(|job| json!({"job_id": job, "status": "RUNNING", "servers": 1, "request_id": null}))
        .to_vec();
    serde_json::from_value(json!({
        "version": 1, "run_id": "r", "operation": "reboot", "type": "SOFT", "jobs": jobs, "servers": servers,
    }))
    .unwrap()
}

/// Returns the commands after a run of this command line with these outcomes.
fn steps(line: &str, servers: Value, known: &RunContext<'_>) -> Vec<String> {
    let cli = Cli::try_parse_from(line.split(' ')).unwrap();
    let Command::Reboot(reboot) = cli.command else {
        panic!("{line}");
    };
    let (action, args) = reboot.split().unwrap();
    let run = NextSteps::of_run(action, &args, &cli.global, None);
    let steps = run.steps(&report(servers), known);
    let lines = steps
        .iter()
        .map(|step| step.lines()[1].trim_start().to_owned());
    lines.collect()
}

/// Each outcome has its command, in the order in which to run them.
#[test]
fn a_journal_has_a_command_for_each_outcome() {
    let line = "ecsctl reboot --all --journal j --region r --yes -o json";
    let all = json!([
        server(0, "succeeded"),
        server(1, "failed"),
        lost(2),
        server(3, "running"),
        server(4, "not_attempted"),
    ]);
    let expected = [
        format!("ecsctl server show {} --region r", id(2)),
        "ecsctl resume j --reconcile --output json --region r".to_owned(),
        "ecsctl resume j --output json --region r".to_owned(),
        "ecsctl explain Ecs.0227".to_owned(),
        "ecsctl rerun j --failed --region r".to_owned(),
    ];
    assert_eq!(steps(line, all, &KNOWN), expected);
    assert!(steps(line, json!([server(0, "succeeded")]), &KNOWN).is_empty());
    // Resuming does not resolve an outcome that its job cannot.
    let reported = json!([server(2, "unknown")]);
    assert_eq!(steps(line, reported, &KNOWN), expected[..1]);
    let known = RunContext {
        reconciled: true,
        ..KNOWN
    };
    assert_eq!(steps(line, json!([lost(2)]), &known), expected[..1]);
}

#[test]
fn without_a_journal_the_command_names_the_servers() {
    let line = "ecsctl reboot --all --no-journal --region r --yes";
    let all = json!([
        server(1, "failed"),
        lost(2),
        server(3, "running"),
        server(4, "not_attempted"),
    ]);
    let expected = [
        format!("ecsctl server show {} --region r", id(2)),
        "ecsctl job wait job-1 --region r".to_owned(),
        format!("ecsctl reboot {} --no-journal --yes --region r", id(4)),
        "ecsctl explain Ecs.0227".to_owned(),
        format!("ecsctl reboot {} --no-journal --yes --region r", id(1)),
    ];
    assert_eq!(steps(line, all, &KNOWN), expected);
    // An ended simulator has neither the jobs nor the servers of the run.
    let known = RunContext {
        simulated: true,
        ..KNOWN
    };
    assert!(steps(line, json!([server(3, "running"), lost(2)]), &known).is_empty());
}

#[test]
fn servers_that_were_not_ready_are_not_resumed() {
    let unready = [id(4)];
    let known = RunContext {
        unready: &unready,
        ..KNOWN
    };
    let line = "ecsctl reboot --all --journal j --yes";
    let two = json!([server(3, "not_attempted"), server(4, "not_attempted")]);
    let expected = [
        "ecsctl resume j".to_owned(),
        format!("ecsctl reboot {} --yes", id(4)),
    ];
    assert_eq!(steps(line, two, &known), expected);
}
