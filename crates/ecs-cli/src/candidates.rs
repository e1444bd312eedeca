//! What the shell offers for an option as it is typed: names from files of this machine, never a secret.

use clap_complete::CompletionCandidate;
use ecs_ops::auth::{Environment, cloud_names, profile_names};

use crate::journals;
use crate::settings;

fn candidates(names: Vec<String>) -> Vec<CompletionCandidate> {
    // Names that a terminal would not show as they are stay out of it.
    let plain = names
        .into_iter()
        .filter(|name| crate::term::clean(name) == *name);
    plain.map(CompletionCandidate::new).collect()
}

/// Clouds of `clouds.yaml`.
pub(crate) fn clouds() -> Vec<CompletionCandidate> {
    candidates(cloud_names(&Environment::of_process()))
}

/// Profiles of the Huawei Cloud SDK.
pub(crate) fn profiles() -> Vec<CompletionCandidate> {
    candidates(profile_names(&Environment::of_process()))
}

/// Contexts of the configuration file.
pub(crate) fn contexts() -> Vec<CompletionCandidate> {
    candidates(settings::context_names())
}

/// Runs whose journals are in the folder for journals, the newest first.
pub(crate) fn runs() -> Vec<CompletionCandidate> {
    candidates(journals::names())
}
