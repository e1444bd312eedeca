//! The documentation: every `console` block is run in a shell, one session per page, and its output is compared.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::common::command;

/// A command of a page with its output.
struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
}

/// Returns the commands of the `console` blocks.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut within = false;
    for (index, line) in page.lines().enumerate() {
        match (within, line.trim_end()) {
            (false, "```console") => within = true,
            (true, "```") => within = false,
            (true, line) => match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step {
                    line: index + 1,
                    command: command.to_owned(),
                    expected: Vec::new(),
                }),
                None => steps.last_mut().unwrap().expected.push(line.to_owned()),
            },
            (false, _) => {}
        }
    }
    steps
}

/// Returns whether the text matches: `[..]` is any text.
fn line_fits(expected: &str, text: &str) -> bool {
    let mut parts = expected.split("[..]");
    let first = parts.next().unwrap();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Returns whether the lines match: `...` is any number of lines.
fn fits(expected: &[String], lines: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((any, rest)) if any == "..." => {
            (0..=lines.len()).any(|skipped| fits(rest, &lines[skipped..]))
        }
        Some((first, rest)) => match lines.split_first() {
            Some((line, others)) => line_fits(first, line) && fits(rest, others),
            None => false,
        },
    }
}

/// A shell in a temporary folder, with `ecsctl` and an empty environment.
struct Shell {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    _folder: tempfile::TempDir,
}

const END: &str = "<end of the command>";

impl Shell {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_ecsctl"));
        let path = std::env::var("PATH").unwrap();
        let variables = command([""; 0]);
        let mut bash = Command::new("bash");
        bash.args(["--norc", "--noprofile"])
            .env_clear()
            .envs(
                variables
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .env(
                "PATH",
                format!("{}:{path}", program.parent().unwrap().display()),
            )
            .env("HOME", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = bash.spawn().unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "exec 2>&1").unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            out,
            _folder: folder,
        }
    }

    /// Returns the output of a command. Its exit status remains that of the shell.
    fn run(&mut self, command: &str) -> String {
        let script = format!("{command}\nstatus=$?; echo; echo '{END}'; (exit $status)\n");
        self.child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        let mut shown = String::new();
        loop {
            let before = shown.len();
            assert_ne!(
                self.out.read_line(&mut shown).unwrap(),
                0,
                "the shell ended: {shown}"
            );
            if shown[before..].trim_end() == END {
                shown.truncate(before);
                return shown.strip_suffix('\n').unwrap_or(&shown).to_owned();
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self
            .child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(b"kill $(jobs -p); exit\n");
        let _ = self.child.wait();
    }
}

fn check(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let steps = steps(&text);
    assert!(steps.len() > 3, "{page} has commands");
    let mut shell = Shell::start();
    for step in steps {
        let shown = shell.run(&step.command);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(
            fits(&step.expected, &lines),
            "{page}:{}: $ {}\nexpected:\n{}\n\nprinted:\n{shown}",
            step.line,
            step.command,
            step.expected.join("\n")
        );
    }
}

#[test]
fn readme() {
    check("README.md");
}

#[test]
fn getting_started() {
    check("docs/getting-started.md");
}

/// Its plan is approved with a key of OpenSSH.
#[test]
fn choosing_servers() {
    let made = Command::new("ssh-keygen").arg("-?").output();
    if made.is_err() {
        eprintln!("no ssh-keygen: the commands of docs/choosing-servers.md are not run");
        return;
    }
    check("docs/choosing-servers.md");
}

#[test]
fn when_things_go_wrong() {
    check("docs/when-things-go-wrong.md");
}

/// The pages of a folder of the workspace.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

/// The anchors that GitHub gives the headings of a page.
fn anchors(page: &str) -> Vec<String> {
    let outside_of_code = page.split("```").step_by(2);
    let lines = outside_of_code.flat_map(str::lines);
    lines
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter_map(|char| match char {
                ' ' => Some('-'),
                '-' | '_' => Some(char),
                _ => char.is_alphanumeric().then_some(char),
            });
            kept.collect()
        })
        .collect()
}

/// Links between the pages name a file and a heading that exist.
#[test]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut all = Vec::new();
    for folder in ["", "docs", "docs/decisions", "docs/reference"] {
        all.extend(pages(&root.join(folder)));
    }
    assert!(all.len() > 30, "{all:?}");
    for page in all {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
            .filter(|link| !link.contains("://"))
        {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link}", page.display());
            if !anchor.is_empty() {
                let headings = anchors(&std::fs::read_to_string(&target).unwrap());
                assert!(
                    headings.iter().any(|heading| heading == anchor),
                    "{}: {link} is none of {headings:?}",
                    page.display()
                );
            }
        }
    }
}

#[test]
fn expected_output_is_compared_line_by_line() {
    let expected = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(fits(
        &expected("a [..] c\n...\nz"),
        &["a b c", "x", "y", "z"]
    ));
    assert!(fits(&expected("...\nz"), &["z"]));
    assert!(!fits(&expected("a\nz"), &["a", "b", "z"]));
    assert!(!fits(&expected("a"), &["ab"]));
    assert!(line_fits("[..]", "x") && !line_fits("a[..]b", "ac") && !line_fits("ab[..]b", "ab"));
}
