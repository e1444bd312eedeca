//! The place and the account of a command, shown before anything is sent.

use ecs_ops::auth::{ResolvedAccount, ResolvedTarget, Sourced};

use crate::connect::Connection;
use crate::credentials;

/// Returns the rows of the place: labels and values with their origins.
pub(crate) fn rows(connection: &Connection) -> Vec<(&'static str, String)> {
    match &connection.target {
        Some(target) => of(target, &connection.place()),
        None => vec![
            ("project", connection.project.to_string()),
            ("endpoint", connection.place()),
        ],
    }
}

/// Returns the rows of a target at this endpoint.
pub(crate) fn of(target: &ResolvedTarget, endpoint: &str) -> Vec<(&'static str, String)> {
    let sourced = |value: &Sourced| from(&value.value, &value.origin);
    let project = &target.project;
    let named = match &project.name {
        Some(name) => format!("{name}, id {}", project.id),
        None => project.id.clone(),
    };
    let origin = target.endpoint.as_ref().map(|known| known.origin.as_str());
    let operator = target.operator.as_ref().map(sourced);
    let region = target.region.as_ref().map(sourced);
    let rows = [
        ("operator", operator),
        ("account", Some(account(&target.account))),
        ("project", Some(from(&named, &project.origin))),
        ("region", region),
        ("endpoint", Some(from(endpoint, origin.unwrap_or_default()))),
    ];
    let known = |(label, value): (&'static str, Option<String>)| Some((label, value?));
    rows.into_iter().filter_map(known).collect()
}

/// Describes the account.
fn account(account: &ResolvedAccount) -> String {
    from(&account.to_string(), &account.origin)
}

/// Formats a value with its origin, if that is known.
fn from(value: &str, origin: &str) -> String {
    match credentials::origin(origin) {
        "" => value.to_owned(),
        origin => format!("{value} (from {})", credentials::origin(origin)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_have_rows_with_their_origins() {
        let target: ResolvedTarget = serde_json::from_value(serde_json::json!({
            "operator": {"value": "Open Telekom Cloud", "origin": "the region"},
            "account": {"kind": "password", "origin": "cloud prod in ./clouds.yaml", "user": "ops", "domain": "OTC1",
                "access_key": null, "agency": null, "agency_domain": null},
            "project": {"id": "p1", "name": "eu-de_prod", "origin": "OS_PROJECT_NAME"},
            "region": null, "endpoint": {"value": "https://e", "origin": "--endpoint"},
        }))
        .unwrap();
        let rows = of(&target, "https://e/");
        let expected = [
            ("operator", "Open Telekom Cloud (from the region)"),
            (
                "account",
                "user ops of domain OTC1 (from cloud prod in ./clouds.yaml)",
            ),
            ("project", "eu-de_prod, id p1 (from OS_PROJECT_NAME)"),
            ("endpoint", "https://e/ (from --endpoint)"),
        ];
        assert_eq!(
            rows,
            expected.map(|(label, value)| (label, value.to_owned()))
        );
    }
}
