//! The invocation of this process, for journals and for other processes.

use ecs_ops::journal::Invocation;

/// The options whose values are secrets.
const SECRETS: [&str; 3] = ["--token", "--secret-key", "--security-token"];
/// The most arguments that are kept; further ones are counted.
const MAX_ARGUMENTS: usize = 200;

/// Returns the invocation of this process.
pub(crate) fn of_process() -> Invocation {
    let arguments = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    Invocation {
        program: concat!("ecsctl ", env!("CARGO_PKG_VERSION")).to_owned(),
        user: user(),
        host: host(),
        pid: Some(std::process::id()),
        command: masked(arguments),
    }
}

/// Returns the arguments of a command line with secrets masked.
pub(crate) fn masked(arguments: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut is_secret = false;
    let mut kept = Vec::new();
    let mut more = 0_usize;
    for word in arguments {
        let option = word.split_once('=').map(|(name, _)| name);
        let word = if std::mem::take(&mut is_secret) && word != "-" {
            "***".to_owned()
        } else if let Some(name) = option.filter(|name| SECRETS.contains(name)) {
            format!("{name}=***")
        } else {
            is_secret = SECRETS.contains(&word.as_str());
            word
        };
        if kept.len() < MAX_ARGUMENTS {
            kept.push(word);
        } else {
            more += 1;
        }
    }
    if more > 0 {
        kept.push(format!("… ({more} more words)"));
    }
    kept
}

/// Returns the user of the operating system, and the user before `sudo`.
fn user() -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = ["LOGNAME", "USER", "USERNAME"]
        .into_iter()
        .find_map(variable);
    let user = user.or_else(user_id)?;
    match variable("SUDO_USER").filter(|before| *before != user) {
        Some(before) => Some(format!("{user} (sudo by {before})")),
        None => Some(user),
    }
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "unknown elsewhere")]
fn user_id() -> Option<String> {
    Some(format!("uid {}", rustix::process::getuid().as_raw()))
}

#[cfg(not(unix))]
fn user_id() -> Option<String> {
    None
}

#[cfg(unix)]
fn host() -> Option<String> {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy().into_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(not(unix))]
fn host() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn arguments(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn secrets_are_masked_however_they_are_written() {
        let given = "ecsctl reboot --token T0P --secret-key=T0P A --security-token T0P --token - --access-key AK";
        let kept = masked(arguments(given)).join(" ");
        assert_eq!(
            kept,
            "ecsctl reboot --token *** --secret-key=*** A --security-token *** --token - --access-key AK"
        );
    }

    /// Fails for a new secret option that is missing from the list.
    #[test]
    fn every_option_that_takes_a_secret_is_known() {
        let command = crate::args::Cli::command();
        let secret = clap::builder::ValueParser::new(crate::args::secret).type_id();
        let options = command
            .get_arguments()
            .filter(|arg| arg.get_value_parser().type_id() == secret)
            .filter_map(|arg| Some(format!("--{}", arg.get_long()?)));
        assert_eq!(options.collect::<Vec<_>>(), SECRETS);
    }

    #[test]
    fn a_long_line_is_cut() {
        let kept = masked((0..500).map(|number| number.to_string()));
        assert_eq!(kept.len(), MAX_ARGUMENTS + 1);
        assert_eq!(kept[MAX_ARGUMENTS], "… (300 more words)");
    }
}
