//! The place of a resumed run: from its journal, unless an option names another one.

use ecs_ops::Endpoint;
use ecs_ops::journal::{Recovered, RunRecord};

use crate::args::Global;
use crate::connect::Connection;
use crate::fail::{CliError, chain};
use crate::term::Printer;

/// Returns the typed options that select the service, without values from settings.
fn placing(global: &Global) -> Vec<&'static str> {
    const PLACING: [&str; 3] = ["--endpoint", "--region", "--operator"];
    let given = global.settings.options.iter().copied();
    given.filter(|option| PLACING.contains(option)).collect()
}

/// Removes values from settings, which do not apply to the embedded simulator.
fn remove_settings(global: &mut Global) {
    let options = std::mem::take(&mut global.settings.options);
    let is_typed = |option| options.contains(&option);
    let text = [
        ("--endpoint", &mut global.endpoint),
        ("--region", &mut global.region),
        ("--operator", &mut global.operator),
        ("--cloud", &mut global.cloud),
        ("--profile", &mut global.profile),
        ("--iam-endpoint", &mut global.iam_endpoint),
        ("--as-endpoint", &mut global.as_endpoint),
        ("--cts-endpoint", &mut global.cts_endpoint),
    ];
    for (option, value) in text {
        if !is_typed(option) {
            *value = None;
        }
    }
    if !is_typed("--project-id") {
        global.project_id = None;
    }
    if !is_typed("--ca-file") {
        global.ca_file = None;
    }
    global.settings.options = options;
}

/// Fills in the place of the run if no option names one. `origin` is the source of the record, such as `the journal`.
pub(in crate::commands) fn use_recorded_place(
    run: &RunRecord,
    origin: &str,
    global: &mut Global,
    printer: &Printer,
) -> Result<(), CliError> {
    if run.simulated && !global.sim {
        let given = placing(global);
        if !given.is_empty() {
            return Err(CliError::usage(format!(
                "the run was simulated (--sim), so {} cannot be used; nothing was sent",
                given.join(", ")
            ))
            .hint("omit them: the simulator is started again"));
        }
        printer.note("the run was simulated: --sim is used again");
        global.sim = true;
        remove_settings(global);
        if global.sim_fail.is_none() {
            global.sim_fail =
                super::super::next_steps::recorded(run).and_then(|global| global.sim_fail);
        }
    }
    if global.sim {
        return Ok(());
    }
    warn_of_other_place(run, origin, global, printer);
    if !global.settings.options.contains(&"--project-id") {
        global.project_id = Some(run.project.clone());
        let origins = &mut global.settings.origins;
        origins.insert("--project-id", origin.to_owned());
    }
    if placing(global).is_empty() {
        global.endpoint = Some(run.endpoint.clone());
        let origins = &mut global.settings.origins;
        origins.insert("--endpoint", origin.to_owned());
    }
    Ok(())
}

/// The variables of other tools that name a project by its id, and the address of ECS.
const PROJECTS: [&str; 4] = [
    "OS_PROJECT_ID",
    "OS_TENANT_ID",
    "HUAWEICLOUD_SDK_PROJECT_ID",
    "HW_PROJECT_ID",
];
const ADDRESS: &str = "OS_ECS_ENDPOINT_OVERRIDE";

/// Warns about settings of another project or address than the recorded one, which takes precedence.
fn warn_of_other_place(run: &RunRecord, origin: &str, global: &Global, printer: &Printer) {
    let is_typed = |option| global.settings.options.contains(&option);
    let of_setting = |option| global.settings.origins.get(option).cloned();
    let variable = |name: &str| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty());
        value.map(|value| (name.to_owned(), value))
    };
    let mut unused = Vec::new();
    if !is_typed("--project-id") {
        let project = global.project_id.as_ref().map(ToString::to_string);
        let set = of_setting("--project-id").zip(project).into_iter();
        let set = set.chain(PROJECTS.iter().filter_map(|name| variable(name)));
        let others = set.filter(|(_, project)| *project != run.project.as_str());
        unused.extend(others.map(|other| (other, format!("project {}", run.project))));
    }
    if placing(global).is_empty() {
        let recorded: Option<Endpoint> = run.endpoint.parse().ok();
        let set = of_setting("--endpoint")
            .zip(global.endpoint.clone())
            .into_iter();
        let set = set.chain(variable(ADDRESS));
        let others = set.filter(|(_, address)| address.parse().ok() != recorded);
        unused.extend(others.map(|other| (other, run.endpoint.clone())));
    }
    for ((name, value), recorded) in unused {
        printer.warn(&format!(
            "{name} ({value}) is not used: {origin} names {recorded}"
        ));
    }
}

/// Refuses to resume a run at another place, and names the options that select its place.
pub(super) fn refuse_other_place(
    recovered: &Recovered,
    connection: &Connection,
    global: &Global,
) -> Result<(), CliError> {
    let Err(error) = recovered.belongs_to(&connection.endpoint, &connection.project) else {
        return Ok(());
    };
    let run = recovered.run();
    let fail = CliError::usage(format!("{}; nothing was sent", chain(&error)));
    Err(match missing(run, connection, global) {
        none if none.is_empty() => fail,
        options => fail.hint(format!("to resume this run, give {options}")),
    })
}

/// Refuses to apply a plan at another place, and names the options that select its place.
pub(in crate::commands) fn refuse_other_than_planned(
    planned: &RunRecord,
    connection: &Connection,
    global: &Global,
) -> Result<(), CliError> {
    let options = missing(planned, connection, global);
    if options.is_empty() {
        return Ok(());
    }
    Err(CliError::usage(format!(
        "the plan is for project {} at {}, not for project {} at {}; nothing was sent",
        planned.project, planned.endpoint, connection.project, connection.endpoint
    ))
    .hint(format!("to apply this plan, give {options}")))
}

/// Returns the options that select the place of a run; empty if this connection is at that place.
fn missing(run: &RunRecord, connection: &Connection, global: &Global) -> String {
    let mut missing = Vec::new();
    if run.project != connection.project {
        missing.push(format!("--project-id {}", run.project));
    }
    // Compared as parsed: the case of a host does not matter.
    if run.endpoint.parse().ok().as_ref() != Some(&connection.endpoint) {
        let given = placing(global);
        missing.push(if given.is_empty() {
            format!("--endpoint {}", run.endpoint)
        } else {
            format!(
                "--endpoint {} instead of {}",
                run.endpoint,
                given.join(", ")
            )
        });
    }
    missing.join(" and ")
}
