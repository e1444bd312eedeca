//! Completion scripts and manual pages.

use super::NONE;
use crate::common::ecsctl;

/// The completion script of each shell asks the program, which offers what is there now, and no secret.
#[test]
fn each_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = ecsctl(&["completions", shell], &NONE).expect(0).stdout;
        assert!(
            script.contains("ECSCTL_COMPLETE") && script.contains("ecsctl"),
            "{shell}: {script}"
        );
    }
    let folder = tempfile::tempdir().expect("a folder");
    let clouds = "clouds:\n  otc-prod:\n    auth:\n      password: s3cr3t\n  otc-test: {}\n";
    let profiles = "[basic]\nak = A\nsk = s3cr3t\n[night]\nak = B\nsk = C\n";
    std::fs::create_dir(folder.path().join("ecsctl")).expect("made");
    let config = folder.path().join("ecsctl/config.toml");
    std::fs::write(&config, "[contexts.lab]\nwave = 2\n").expect("written");
    let (clouds_file, profiles_file) = (folder.path().join("c.yaml"), folder.path().join("p"));
    std::fs::write(&clouds_file, clouds).expect("written");
    std::fs::write(&profiles_file, profiles).expect("written");
    for (message, expected) in [
        (&["reb"][..], &["reboot"][..]),
        (&["reboot", "--max-f"], &["--max-failures"]),
        (&["reboot", "--cloud", ""], &["otc-prod", "otc-test"]),
        (&["reboot", "--profile", ""], &["basic", "night"]),
        (&["reboot", "--context", ""], &["lab"]),
        (&["resume", "la"], &["last"]),
    ] {
        let line = [&["--", "ecsctl"], message].concat();
        let mut command = crate::common::command(line);
        command
            .env("ECSCTL_COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", message.len().to_string());
        command
            .env("_CLAP_IFS", "\n")
            .env("XDG_CONFIG_HOME", folder.path());
        command.env("OS_CLIENT_CONFIG_FILE", &clouds_file);
        command.env("HUAWEICLOUD_SDK_CREDENTIALS_FILE", &profiles_file);
        let offered = crate::common::Ended::of(&mut command).expect(0).stdout;
        for word in expected {
            assert!(
                offered.lines().any(|line| line.trim() == *word),
                "{message:?}: {offered}"
            );
        }
        assert!(!offered.contains("s3cr3t"), "{offered}");
    }
    let refused = ecsctl(&["completions", "tcsh"], &NONE).expect(2);
    assert!(refused.stderr.contains("bash, zsh, fish, powershell"));
}

/// bash takes the script as it is.
#[test]
fn bash_can_load_its_completions() {
    let script = ecsctl(&["completions", "bash"], &NONE).expect(0).stdout;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ecsctl.bash");
    std::fs::write(&path, script).expect("written");
    let command = "source \"$0\" && complete -p ecsctl";
    let Ok(loaded) = std::process::Command::new("bash")
        .args(["-c", command])
        .arg(&path)
        .output()
    else {
        eprintln!("left out: there is no bash on this machine");
        return;
    };
    assert!(loaded.status.success(), "{loaded:?}");
}

#[test]
fn each_command_has_a_manual_page() {
    let page = ecsctl(&["man"], &NONE).expect(0).stdout;
    assert!(page.contains(".TH ecsctl 1") && page.contains("reboot"));
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("man1");
    ecsctl(&["man", "--dir", &dir.to_string_lossy()], &NONE).expect(0);
    for name in [
        "ecsctl",
        "ecsctl-reboot",
        "ecsctl-run-show",
        "ecsctl-auth-check",
    ] {
        let page = std::fs::read_to_string(dir.join(format!("{name}.1"))).expect(name);
        assert!(page.contains(&format!(".TH {name} 1")), "{name}");
    }
    let refused = ecsctl(&["man", "--dir", "/proc/ecsctl"], &NONE).expect(2);
    assert!(
        refused.stderr.contains("/proc/ecsctl"),
        "{}",
        refused.stderr
    );
}
