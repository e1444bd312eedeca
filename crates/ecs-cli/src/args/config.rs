//! The arguments of `config`.

use clap::{Args, Subcommand};

use super::DocumentOutput;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show each setting and where it comes from
    #[command(after_help = CONFIG)]
    Show(ConfigShow),
}

pub(crate) const CONFIG: &str = "\
An option takes precedence over an environment variable, that over the context, that over the defaults of the file:
$XDG_CONFIG_HOME/ecsctl/config.toml, or ~/.config/ecsctl/config.toml. It takes no secrets.

  context = \"prod\"            # used without --context and ECSCTL_CONTEXT
  [defaults]
  journal-keep = \"30d\"        # or never
  [contexts.prod]
  cloud = \"otc-prod\"          # or profile; endpoint, region, operator,
  region = \"eu-de\"            # project-id, iam-endpoint, as-endpoint,
                              # cts-endpoint, ca-file
  wave = \"10%\"                # pause, deadline
  max-failures = \"2%\"
  health-cmd = \"./check.sh\"   # health-timeout
  canary = 10                 # canary-pause
  verify = true               # verify-timeout, reconcile
  journal-dir = \"/srv/ecsctl/runs\"
  store = \"postgres://ops@db.example/fleet\"   # without a password

Each key has a variable: ECSCTL_WAVE, ECSCTL_MAX_FAILURES, ECSCTL_JOURNAL_DIR and so on.

Examples:
  ecsctl config show
  ecsctl config show --context prod -o json";

#[derive(Debug, Args)]
pub(crate) struct ConfigShow {
    #[command(flatten)]
    pub(crate) output: DocumentOutput,
}
