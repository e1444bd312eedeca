//! Approvals of a plan: in its file, and in a store.

use std::path::Path;

use ecs_ops::store::PlanApproval;
use jiff::Timestamp;

use super::read;
use crate::approval;
use crate::args::{Apply, Global, PlanApprove};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::plan_file::{Approval, PlanFile};
use crate::store::Store;
use crate::term::Printer;

/// Adds an approval to a plan: in the store if one is named, otherwise in the file.
pub(crate) async fn approve(
    args: &PlanApprove,
    global: &Global,
    printer: &Printer,
) -> Result<Exit, CliError> {
    let mut file = read(&args.plan)?;
    let hash = file.hash.to_string();
    let signature = match (&args.key, &args.signature) {
        (Some(key), _) => Some(approval::sign(&hash, key)?),
        (None, Some(signature)) => Some(approval::read_signature(&hash, signature)?),
        (None, None) => None,
    };
    let key = signature.as_deref().map(approval::described);
    if let Some(store) = Store::open(global).await? {
        let identity = store.approve_plan(&hash, signature).await?;
        let by = match &identity.role {
            Some(role) => format!("the role {role}"),
            None => identity.user,
        };
        let key = key.map(|key| format!(", signed by {key}"));
        printer.note(&format!(
            "{hash} is approved by {by}{} in the store {}",
            key.unwrap_or_default(),
            store.address()
        ));
        return Ok(Exit::Success);
    }
    let (Some(signature), Some(by)) = (signature, key) else {
        return Err(CliError::usage("an approval needs a store, or a signature")
            .hint("add --store URL to keep the approval in a store, or --key FILE or --signature FILE"));
    };
    file.approvals.push(Approval {
        at: Timestamp::now(),
        signature,
    });
    let text = file.text();
    let text =
        text.map_err(|error| CliError::usage(format!("the plan cannot be written: {error}")))?;
    replace(&args.plan, &text)?;
    printer.note(&format!("{hash} is approved by {by}"));
    Ok(Exit::Success)
}

/// Replaces a file atomically.
fn replace(path: &Path, text: &str) -> Result<(), CliError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| CliError::usage(format!("cannot write {}: {error}", path.display())))
}

/// Refuses a plan that lacks a required approval.
pub(super) async fn require(
    args: &Apply,
    file: &PlanFile,
    store: Option<&Store>,
) -> Result<(), CliError> {
    if args.require_approval.is_none() && !args.four_eyes {
        return Ok(());
    }
    let hash = file.hash.to_string();
    let stored = match store {
        Some(store) => store.plan_approvals(&hash).await?,
        None if args.four_eyes => {
            return Err(
                CliError::usage("--four-eyes needs a store; nothing was sent")
                    .hint("add --store URL: it keeps approvals by persons"),
            );
        }
        None => Vec::new(),
    };
    let mut signatures: Vec<&str> = Vec::new();
    match store.filter(|_| args.four_eyes) {
        Some(store) => {
            let planned = file.plan.run.invocation.as_ref();
            let planned = planned.and_then(|planned| planned.user.as_deref());
            let identity = store.identity().await?;
            let others = approval::by_others(&stored, &identity, planned)?;
            let others = others.into_iter();
            signatures.extend(others.filter_map(|one| one.signature.as_deref()));
        }
        None => {
            let of_file = file.approvals.iter();
            signatures.extend(of_file.map(|approval| approval.signature.as_str()));
            let of_store = stored.iter();
            signatures.extend(of_store.filter_map(|one| one.signature.as_deref()));
        }
    }
    match &args.require_approval {
        Some(keys) => approval::check(&hash, signatures.into_iter(), keys),
        None => Ok(()),
    }
}

/// Returns the approvals in the store; `None` if no store is named. A store from settings may be unavailable.
pub(super) async fn stored(
    file: &PlanFile,
    global: &Global,
    printer: &Printer,
) -> Result<Option<Vec<PlanApproval>>, CliError> {
    let read = async {
        match Store::open_to_read(global).await? {
            Some(store) => Ok(Some(store.plan_approvals(&file.hash.to_string()).await?)),
            None => Ok(None),
        }
    };
    let read: Result<_, CliError> = read.await;
    match read {
        Err(fail) if global.store.store.is_none() => {
            printer.warn(&format!(
                "the approvals in the store are not shown: {}",
                fail.message
            ));
            Ok(None)
        }
        read => read,
    }
}

/// Describes an approval in the store.
pub(super) fn described(hash: &str, approval: &PlanApproval) -> String {
    let signed =
        approval
            .signature
            .as_deref()
            .map(|signature| match approval::verified(hash, signature) {
                Some(key) => format!(", signed by {key}"),
                None => ", with a signature that is not one of this plan".to_owned(),
            });
    format!(
        "{}, {:.0}{}",
        approval::approver(approval),
        approval.approved_at,
        signed.unwrap_or_default()
    )
}
