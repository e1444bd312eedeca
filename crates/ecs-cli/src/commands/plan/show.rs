//! `plan show`.

use std::collections::HashMap;
use std::io::Write as _;

use ecs_ops::journal::RunRecord;
use ecs_ops::model::ServerId;
use ecs_ops::store::PlanApproval;
use serde_json::json;

use super::{age, approvals, read};
use crate::approval;
use crate::args::{Global, PlanFormat, PlanShow};
use crate::commands::recorded_options::options_of;
use crate::confirm::{act_on, counted};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::plan_file::{PlanFile, PlannedServer};
use crate::render::plan_page::{PlanPage, PlanRow};
use crate::render::target;
use crate::render::text_table::{TextTable, stdout_width};
use crate::term::{Printer, Results, clean};

/// Shows a plan, with its approvals in the store if one is named.
pub(crate) async fn show(
    args: &PlanShow,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let file = read(&args.plan)?;
    let stored = match args.format {
        PlanFormat::Hash => None,
        _ => approvals::stored(&file, global, printer).await?,
    };
    let stored = stored.as_deref();
    if let Some(path) = &args.html {
        let page = page(&file, stored).html();
        crate::commands::show::create(path, |to| to.write_all(page.as_bytes())).map_err(
            |error| CliError::usage(format!("cannot write {}: {error}", path.display())),
        )?;
        printer.note(&format!("the page is in {}", path.display()));
        return Ok(Exit::Success);
    }
    results.write(&match args.format {
        PlanFormat::Table => text(&file, stored),
        PlanFormat::Hash => file.hash.to_string(),
        PlanFormat::Json => json(&file, stored)
            .map_err(|error| CliError::usage(format!("the plan cannot be shown: {error}")))?,
    });
    Ok(Exit::Success)
}

/// Returns the file with the approvals in the store.
fn json(file: &PlanFile, stored: Option<&[PlanApproval]>) -> Result<String, serde_json::Error> {
    let text = file.text()?;
    let Some(stored) = stored else {
        return Ok(text);
    };
    let hash = file.hash.to_string();
    let approval = |approval: &PlanApproval| {
        let signature = approval.signature.as_deref();
        json!({
            "at": approval.approved_at, "user": approval.user, "host": approval.host, "role": approval.role,
            "program": approval.program, "signature": signature,
            "key": signature.and_then(|signature| approval::verified(&hash, signature)),
        })
    };
    let mut document: serde_json::Value = serde_json::from_str(&text)?;
    if let Some(document) = document.as_object_mut() {
        let approvals = stored.iter().map(approval).collect();
        document.insert("store_approvals".to_owned(), approvals);
    }
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// Returns the facts of a plan, except its servers, as labels and values.
fn facts(file: &PlanFile, stored: Option<&[PlanApproval]>) -> Vec<(&'static str, String)> {
    let run = &file.plan.run;
    let options: Vec<String> = options_of(run)
        .iter()
        .flat_map(|option| option.arguments())
        .collect();
    let hash = file.hash.to_string();
    let keys = file.approvals.iter();
    let keys: Vec<String> = keys
        .map(|approval| {
            let signature = &approval.signature;
            approval::verified(&hash, signature).unwrap_or_else(|| {
                format!(
                    "{}: not a signature of this plan",
                    approval::described(signature)
                )
            })
        })
        .collect();
    let approvals = if keys.is_empty() {
        "none".to_owned()
    } else {
        keys.join(", ")
    };
    let mut facts = vec![
        ("plan", file.hash.to_string()),
        (
            "made",
            format!("{:.0} ({} ago)", file.plan.created, age(&file.plan)),
        ),
        ("action", action(file)),
    ];
    // An approver needs the place and the account.
    match &run.target {
        Some(place) => facts.extend(target::of(place, &run.endpoint)),
        None => facts.extend([
            ("endpoint", run.endpoint.clone()),
            ("project", run.project.to_string()),
        ]),
    }
    facts.push(("options", options.join(" ")));
    facts.push(("approved by", approvals));
    match stored {
        None => {}
        Some([]) => facts.push(("in the store", "not approved".to_owned())),
        Some(stored) => {
            let approvals = stored.iter();
            facts.extend(approvals.map(|one| ("in the store", approvals::described(&hash, one))));
        }
    }
    if !run.unready.is_empty() {
        facts.push((
            "not ready",
            format!("{}, which are not in the plan", counted(run.unready.len())),
        ));
    }
    facts
}

fn action(file: &PlanFile) -> String {
    let run = &file.plan.run;
    act_on(run.action, run.servers.len())
}

/// Returns the wave of each server, counted from 1; empty for a run without waves.
fn waves_of(run: &RunRecord) -> HashMap<ServerId, usize> {
    let waves = run.rolling.iter().flat_map(|rolling| &rolling.waves);
    let numbered = (1..).zip(waves);
    numbered
        .flat_map(|(number, wave)| wave.iter().map(move |id| (*id, number)))
        .collect()
}

fn page(file: &PlanFile, stored: Option<&[PlanApproval]>) -> PlanPage {
    let waves = waves_of(&file.plan.run);
    let row = |server: &PlannedServer| PlanRow {
        wave: waves.get(&server.id).copied(),
        id: server.id.to_string(),
        name: server.name.clone().unwrap_or_default(),
        status: server.status.clone().unwrap_or_default(),
        zone: server.availability_zone.clone().unwrap_or_default(),
    };
    PlanPage {
        title: action(file),
        facts: facts(file, stored),
        servers: file.plan.servers.iter().map(row).collect(),
    }
}

fn text(file: &PlanFile, stored: Option<&[PlanApproval]>) -> String {
    let rows = facts(file, stored);
    let mut text = String::new();
    for (label, value) in rows {
        text.push_str(&clean(&format!("{label:<12} {value}")));
        text.push('\n');
    }
    let mut table = TextTable::new(&["ID", "NAME", "STATUS", "AZ", "WAVE"]);
    table.may_shrink(1);
    let waves = waves_of(&file.plan.run);
    for server in &file.plan.servers {
        let wave = waves.get(&server.id);
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row([
            server.id.to_string(),
            or_dash(&server.name),
            or_dash(&server.status),
            or_dash(&server.availability_zone),
            wave.map_or_else(|| "-".to_owned(), |wave| wave.to_string()),
        ]);
    }
    format!("{text}\n{}", table.render(stdout_width()))
}
