//! Completion candidates: names from files of this machine, never a secret.

use clap::Command;
use clap_complete::{ArgValueCandidates, CompletionCandidate};
use ecs_ops::auth::{Environment, cloud_names, profile_names};

use crate::journals;
use crate::settings;

/// Returns the command line with completion candidates for its values.
pub(crate) fn offered(command: Command) -> Command {
    let run = |command: Command, name: &'static str| {
        command.mut_arg(name, |of| of.add(ArgValueCandidates::new(runs)))
    };
    command
        .mut_arg("context", |of| of.add(ArgValueCandidates::new(contexts)))
        .mut_arg("cloud", |of| of.add(ArgValueCandidates::new(clouds)))
        .mut_arg("profile", |of| of.add(ArgValueCandidates::new(profiles)))
        .mut_subcommand("resume", |of| run(of, "journal"))
        .mut_subcommand("rerun", |of| {
            // A changed argument comes last unless it has an index.
            run(of, "of")
                .mut_arg("of", |of| of.index(1))
                .mut_arg("options", |of| of.index(2))
        })
        .mut_subcommand("run", |of| {
            of.mut_subcommand("show", |of| run(of, "journal"))
                .mut_subcommand("watch", |of| run(of, "run"))
        })
}

fn candidates(names: Vec<String>) -> Vec<CompletionCandidate> {
    // Names that a terminal would not show literally are omitted.
    let plain = names
        .into_iter()
        .filter(|name| crate::term::clean(name) == *name);
    plain.map(CompletionCandidate::new).collect()
}

/// Returns the clouds of `clouds.yaml`.
fn clouds() -> Vec<CompletionCandidate> {
    candidates(cloud_names(&Environment::of_process()))
}

/// Returns the profiles of the Huawei Cloud SDK.
fn profiles() -> Vec<CompletionCandidate> {
    candidates(profile_names(&Environment::of_process()))
}

/// Returns the contexts of the configuration file.
fn contexts() -> Vec<CompletionCandidate> {
    candidates(settings::context_names())
}

/// Returns the runs in the folder for journals, newest first.
fn runs() -> Vec<CompletionCandidate> {
    candidates(journals::names())
}
