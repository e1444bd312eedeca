//! Plan files: a plan with a hash over all of it.
//!
//! The hash is the SHA-256 of the plan as JSON without spaces whose keys are sorted, so that it stays the same when the file
//! is formatted anew. Approvals stand beside the plan and sign the hash.

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ecs_ops::journal::RunRecord;
use ecs_ops::model::ServerId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::plan_marker::{PlanMarker, is_store_note};
use crate::private_file;

/// The format name in the file.
const FORMAT: &str = "ecsctl plan";
const VERSION: u64 = 1;

/// A plan of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunPlan {
    /// The time at which the plan was made.
    pub(crate) created: Timestamp,
    /// The options, the place, the servers in their order and the waves, as in the first record of a journal.
    pub(crate) run: RunRecord,
    /// The servers when the plan was made.
    pub(crate) servers: Vec<PlannedServer>,
}

/// A server as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedServer {
    pub(crate) id: ServerId,
    pub(crate) name: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) availability_zone: Option<String>,
}

/// The constraints of a run that applies a plan.
#[derive(Clone, Debug)]
pub(crate) struct AppliedPlan {
    /// The servers of each wave; `None` for a run without waves.
    pub(crate) waves: Option<Vec<Vec<ServerId>>>,
    pub(crate) servers: Vec<PlannedServer>,
    /// The id of its run in a store.
    pub(crate) run_id: String,
    /// The path beside the plan: of the journal or, with a store, of a note about it.
    pub(crate) journal: PathBuf,
    /// The marker in the folder for journals; `None` if there is no such folder.
    pub(crate) marker: Option<PlanMarker>,
    /// The plan's record of the run, with its place.
    pub(crate) run: RunRecord,
    /// `true` to act although servers differ from the plan.
    pub(crate) accept_drift: bool,
}

impl AppliedPlan {
    /// Writes beside the plan that it is applied with a store, so that it cannot be applied again without that store.
    pub(crate) fn note_store(&self, address: &str) -> io::Result<()> {
        let text = store_note(&self.run_id, address);
        match private_file::create_new(&self.journal) {
            Ok(mut file) => file.write_all(text.as_bytes()),
            // An earlier try, which did not begin.
            Err(_)
                if read_store_note(&self.journal).is_some_and(|note| note == text.trim_end()) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// Returns the note beside a plan that is applied with a store.
pub(crate) fn store_note(run_id: &str, address: &str) -> String {
    format!("run {run_id} in the store {address}\n")
}

/// Reads the note beside a plan; `None` if the file is a journal.
pub(crate) fn read_store_note(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let note = text.trim_end();
    is_store_note(note).then(|| note.to_owned())
}

/// A signature of the hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Approval {
    /// The time of the approval, by the clock of the approver's machine.
    pub(crate) at: Timestamp,
    /// The signature in OpenSSH's format: `-----BEGIN SSH SIGNATURE-----`.
    pub(crate) signature: String,
}

/// A plan file with a verified hash.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlanFile {
    pub(crate) plan: RunPlan,
    pub(crate) hash: PlanHash,
    pub(crate) approvals: Vec<Approval>,
}

/// The hash of a plan, written as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlanHash(String);

impl PlanHash {
    fn of(plan: &Value) -> Self {
        let mut canonical = String::new();
        write_sorted(plan, &mut canonical);
        let digest = Sha256::digest(canonical.as_bytes());
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("sha256:{digits}"))
    }

    /// Returns the id of the plan's run in a store: the same on each host, so that a store has it once.
    pub(crate) fn run_id(&self) -> String {
        let digits = self.0.get(7..39).unwrap_or_default();
        let bytes = Uuid::try_parse(digits).unwrap_or_default().into_bytes();
        uuid::Builder::from_custom_bytes(bytes)
            .into_uuid()
            .to_string()
    }

    /// Returns all digits, without the name of the algorithm.
    pub(crate) fn digits(&self) -> &str {
        self.0.get(7..).unwrap_or_default()
    }

    /// Returns the first digits, for file names.
    fn short(&self) -> &str {
        self.digits().get(..12).unwrap_or_default()
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes JSON without spaces, the members of each object sorted by their names.
fn write_sorted(value: &Value, to: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            to.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                to.push_str(&Value::String(name.clone()).to_string());
                to.push(':');
                write_sorted(value, to);
            }
            to.push('}');
        }
        Value::Array(items) => {
            to.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                write_sorted(item, to);
            }
            to.push(']');
        }
        scalar => to.push_str(&scalar.to_string()),
    }
}

/// The error of a plan file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PlanFileError {
    /// The file is not a plan.
    NotAPlan(String),
    /// The version of the plan is not supported.
    Version(String),
    /// The plan was changed after it was made.
    Changed,
}

impl fmt::Display for PlanFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPlan(reason) => write!(f, "not a plan of ecsctl: {reason}"),
            Self::Version(version) => {
                write!(
                    f,
                    "a plan of version {version}; this ecsctl knows version {VERSION}"
                )
            }
            Self::Changed => {
                f.write_str("the plan was changed after it was made: its hash does not fit")
            }
        }
    }
}

impl PlanFile {
    /// Makes a plan file.
    ///
    /// # Errors
    /// The plan cannot be written as JSON.
    pub(crate) fn new(plan: RunPlan) -> Result<Self, serde_json::Error> {
        let hash = PlanHash::of(&serde_json::to_value(&plan)?);
        Ok(Self {
            plan,
            hash,
            approvals: Vec::new(),
        })
    }

    /// Returns the contents of the file.
    ///
    /// # Errors
    /// The plan cannot be written as JSON.
    pub(crate) fn text(&self) -> Result<String, serde_json::Error> {
        let document = json!({
            "format": FORMAT,
            "version": VERSION,
            "hash": self.hash.to_string(),
            "plan": serde_json::to_value(&self.plan)?,
            "approvals": serde_json::to_value(&self.approvals)?,
        });
        Ok(serde_json::to_string_pretty(&document)? + "\n")
    }

    /// Reads a file and checks its hash.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, PlanFileError> {
        let wrong = |error: serde_json::Error| PlanFileError::NotAPlan(error.to_string());
        let document: Value = serde_json::from_slice(bytes).map_err(wrong)?;
        let member = |name: &str| document.get(name).cloned().unwrap_or_default();
        if member("format") != FORMAT {
            return Err(PlanFileError::NotAPlan(format!(
                "its \"format\" is not {FORMAT:?}"
            )));
        }
        if member("version") != VERSION {
            return Err(PlanFileError::Version(member("version").to_string()));
        }
        let plan = member("plan");
        let hash = PlanHash::of(&plan);
        if member("hash") != hash.0 {
            return Err(PlanFileError::Changed);
        }
        Ok(Self {
            plan: serde_json::from_value(plan).map_err(wrong)?,
            hash,
            approvals: serde_json::from_value(member("approvals")).map_err(wrong)?,
        })
    }

    /// Returns the path of the journal of its run: beside the plan, named by the plan and its hash. It shows whether
    /// the plan was applied.
    pub(crate) fn journal_path(&self, file: &Path) -> PathBuf {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        file.with_file_name(format!("{stem}.{}.jsonl", self.hash.short()))
    }
}

/// Describes how a server differs from the plan; `None` if it does not.
pub(crate) fn drift(planned: &PlannedServer, now: Option<&PlannedServer>) -> Option<String> {
    let name = planned.name.as_deref().unwrap_or_default();
    let label = format!("{} {name}", planned.id);
    let label = label.trim_end();
    let Some(now) = now else {
        return Some(format!("{label}: not found"));
    };
    let changed = |name: &str, before: &Option<String>, now: &Option<String>| {
        // An attribute that was not known cannot differ.
        let before = before.as_deref()?;
        let now = now.as_deref().unwrap_or("unknown");
        (before != now).then(|| format!("{name} was {before}, is {now}"))
    };
    let changes: Vec<String> = [
        changed("name", &planned.name, &now.name),
        changed("status", &planned.status, &now.status),
        changed("zone", &planned.availability_zone, &now.availability_zone),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!changes.is_empty()).then(|| format!("{label}: {}", changes.join(", ")))
}

#[cfg(test)]
mod tests;
