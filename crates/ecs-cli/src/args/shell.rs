//! The arguments of `completions` and `man`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub(crate) const COMPLETIONS: &str = "\
The script asks ecsctl while you type: it offers commands, options, and the names of clouds, profiles, contexts and runs.

Examples:
  ecsctl completions bash > ~/.local/share/bash-completion/completions/ecsctl
  ecsctl completions zsh > ~/.zfunc/_ecsctl
  ecsctl completions fish > ~/.config/fish/completions/ecsctl.fish
  ecsctl completions powershell >> $PROFILE";

pub(crate) const MAN: &str = "\
Examples:
  ecsctl man | man -l -
      Shows the page.
  ecsctl man --dir ~/.local/share/man/man1
      Writes one page for each command; then `man ecsctl-reboot` works.";

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

/// A shell that has completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell", alias = "pwsh")]
    Power,
}

impl Shell {
    /// Returns the name that `clap_complete` uses.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Power => "powershell",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write one page for each command into this folder, instead of the page of ecsctl to stdout
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}
