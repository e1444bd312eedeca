//! Approvals of plans.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Process, Store, StoreError};

/// A plan that is approved now.
#[derive(Clone, Debug)]
pub struct Approve {
    /// The id of this call.
    pub write_id: Uuid,
    /// The hash of the plan.
    pub plan_hash: String,
    /// The process that approves it.
    pub process: Process,
    /// A signature of the hash, if a key made one.
    pub signature: Option<String>,
}

/// An approval of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanApproval {
    /// The hash of the plan.
    pub plan_hash: String,
    /// The user, as the process reported it.
    pub user: String,
    /// The host, as the process reported it.
    pub host: String,
    /// The process on that host.
    pub pid: i32,
    /// The program.
    pub program: String,
    /// The role that the database knew it by; `None`: the database has no roles.
    pub role: Option<String>,
    /// A signature of the hash, as it was given. A caller that relies on it must verify it.
    pub signature: Option<String>,
    /// The time of the approval, by the clock of the store.
    pub approved_at: Timestamp,
}

/// Whom a store takes this process for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreIdentity {
    /// The user, as the process says.
    pub user: String,
    /// The role that the database knows it by; `None`: the database has no roles.
    pub role: Option<String>,
}

impl Store {
    /// Approves the plan with this hash, as this process. A store keeps each approval: nobody who uses
    /// it can change or delete one.
    ///
    /// # Errors
    ///
    /// Those of the database, such as [`Refused`](super::StoreErrorKind::Refused): the role may not
    /// approve plans.
    pub async fn approve_plan(
        &self,
        plan_hash: &str,
        signature: Option<String>,
    ) -> Result<(), StoreError> {
        let approve = Approve {
            write_id: Uuid::new_v4(),
            plan_hash: plan_hash.to_owned(),
            process: self.0.process.clone(),
            signature,
        };
        self.0.backend.approve(approve).await
    }

    /// Returns the approvals of the plan with this hash, the first one first.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn plan_approvals(&self, plan_hash: &str) -> Result<Vec<PlanApproval>, StoreError> {
        self.0.backend.approvals(plan_hash).await
    }

    /// Returns whom the store takes this process for.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        Ok(StoreIdentity {
            user: self.0.process.user.clone(),
            role: self.0.backend.role().await?,
        })
    }
}
