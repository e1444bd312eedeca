//! The rule that no setting which names an account, a project, a region or an address is ignored
//! silently.

use super::fields::{Aspect, Field as F};
use super::layer::{CredentialSource, Layer, Setting};
use super::search::Found;
use super::{CredentialOptions, Skipped, Warning, WarningKind};

const NAMING: [Aspect; 4] = [
    Aspect::Account,
    Aspect::Project,
    Aspect::Region,
    Aspect::Address,
];

/// Accounts for all unused settings: those that an option overrides, and warnings about the others.
pub(super) fn audit(options: &CredentialOptions, found: &Found) -> (Vec<Skipped>, Vec<Warning>) {
    account_for_equal(found);
    account_for_public(found);
    let mut overridden = Vec::new();
    let mut warnings = Vec::new();
    for (at, layer) in found.layers.iter().enumerate() {
        if Some(at) == found.chosen {
            let unaccounted = layer.unaccounted(&NAMING);
            let (over, rest): (Vec<&Setting>, Vec<&Setting>) =
                unaccounted.partition(|setting| has_option(options, setting.field));
            overridden.extend(over.into_iter().map(skipped));
            warnings.extend(rest.into_iter().map(|setting| of_chosen(layer, setting)));
            continue;
        }
        let source = found.source();
        let (over, rest): (Vec<&Setting>, Vec<&Setting>) = layer
            .unaccounted(&NAMING)
            .partition(|setting| is_overridden(options, found, layer, setting.field));
        overridden.extend(over.into_iter().map(skipped));
        warnings.extend(of_unused(layer, &rest, &source));
    }
    let unused = found.unused.iter().map(|message| Warning {
        kind: WarningKind::Unused,
        message: message.clone(),
    });
    warnings.extend(unused);
    (overridden, warnings)
}

/// Accounts for settings with the same value as a used one.
fn account_for_equal(found: &Found) {
    let all = || found.layers.iter().flat_map(|layer| &layer.settings);
    for setting in all().filter(|setting| !setting.is_accounted_for()) {
        let same = |other: &&Setting| {
            other.is_accounted_for() && other.field == setting.field && other.value == setting.value
        };
        if all().any(|other| same(&other)) {
            setting.account_for();
        }
    }
}

/// Accounts for settings that select the public addresses, which are the ones in use.
fn account_for_public(found: &Found) {
    let all = found.layers.iter().flat_map(|layer| &layer.settings);
    let public = |setting: &&Setting| {
        let value = setting.value.to_ascii_lowercase();
        setting.field == F::Interface && matches!(value.as_str(), "public" | "publicurl")
    };
    all.filter(public).for_each(Setting::account_for);
}

fn skipped(setting: &Setting) -> Skipped {
    Skipped {
        source: setting.shown(),
        reason: "what is given explicitly takes precedence".to_owned(),
    }
}

/// Returns whether an option takes precedence over a setting of an unused source.
fn is_overridden(options: &CredentialOptions, found: &Found, layer: &Layer, field: F) -> bool {
    let by_option = found.source() == CredentialSource::Options;
    match field.aspect() {
        _ if layer.source.is_file() => found.explicit,
        Aspect::Account => by_option,
        Aspect::Project if by_option && is_domain(field) => true,
        _ => has_option(options, field),
    }
}

fn is_domain(field: F) -> bool {
    matches!(field, F::ProjectDomainId | F::ProjectDomainName)
}

/// Returns whether an option names the same thing.
fn has_option(options: &CredentialOptions, field: F) -> bool {
    match field.aspect() {
        Aspect::Account => false,
        Aspect::Project => options.project_id.is_some(),
        Aspect::Region => options.region.is_some(),
        Aspect::Address => match field {
            F::Iam => options.iam_endpoint.is_some(),
            F::Ecs => options.endpoint.is_some(),
            _ => options.endpoint.is_some() && options.iam_endpoint.is_some(),
        },
        Aspect::Tls | Aspect::Detail => true,
    }
}

/// Warns about a setting of the source in use.
fn of_chosen(layer: &Layer, setting: &Setting) -> Warning {
    let fields = [Some(setting.field), by_id(setting.field)];
    let mut winners = fields
        .into_iter()
        .flatten()
        .filter_map(|field| layer.setting(field));
    let winner = winners.find(|winner| winner.is_accounted_for());
    let reason = match (winner, setting.field) {
        (Some(winner), _) => format!("{} takes precedence", winner.name),
        (None, F::AccessKey) => "the login beside it takes precedence over keys".to_owned(),
        (None, F::Interface) => {
            "only public addresses are: name the endpoint to use another".to_owned()
        }
        (None, F::OtherEndpoint) => "only the addresses of ECS and IAM are".to_owned(),
        (None, F::EnterpriseProject) => "servers are chosen by project".to_owned(),
        (None, _) => "nothing here needs it".to_owned(),
    };
    let shown = setting.shown();
    let place = if layer.source.is_file() {
        format!("{shown} of {}", layer.source)
    } else {
        shown
    };
    Warning {
        kind: kind_of(&[setting]),
        message: format!("{place} is not used: {reason}"),
    }
}

/// Returns the field that takes precedence over this one: an id over a name.
fn by_id(field: F) -> Option<F> {
    Some(match field {
        F::ProjectName => F::ProjectId,
        F::UserDomainName => F::UserDomainId,
        F::DomainName => F::DomainId,
        F::DefaultDomainName => F::DefaultDomainId,
        F::ProjectDomainName => F::ProjectDomainId,
        F::AgencyDomainName => F::AgencyDomainId,
        F::AgencyProject => F::AgencyProjectId,
        _ => return None,
    })
}

/// Warns about settings of an unused source.
fn of_unused(layer: &Layer, settings: &[&Setting], chosen: &CredentialSource) -> Option<Warning> {
    let names: Vec<String> = settings.iter().map(|setting| setting.shown()).collect();
    let place = if layer.source.is_file() {
        format!(" of {}", layer.source)
    } else {
        String::new()
    };
    let is = match names.len() {
        0 => return None,
        1 => "is",
        _ => "are",
    };
    Some(Warning {
        kind: kind_of(settings),
        message: format!(
            "{}{place} {is} not used: the credentials come from {chosen}",
            names.join(", ")
        ),
    })
}

fn kind_of(settings: &[&Setting]) -> WarningKind {
    let names_project = |setting: &&Setting| {
        matches!(
            setting.field,
            F::ProjectId | F::ProjectName | F::AgencyProject | F::AgencyProjectId
        )
    };
    if settings.iter().any(names_project) {
        WarningKind::UnusedProject
    } else {
        WarningKind::Unused
    }
}
