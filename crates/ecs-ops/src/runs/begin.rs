//! The methods of a client that build runs.

use std::sync::Arc;

use ecs_client::Error;
use ecs_model::{RebootType, ServerId, StopType};

use super::RunBuilder;
use crate::action::PowerAction;
use crate::client::Client;
use crate::journal::{Journal, Recovered};

impl Client {
    /// Builds a run that restarts servers.
    pub fn reboot(
        &self,
        reboot_type: RebootType,
        servers: impl IntoIterator<Item = ServerId>,
    ) -> RunBuilder {
        self.run(PowerAction::Reboot(reboot_type), servers)
    }

    /// Builds a run that starts servers.
    pub fn start(&self, servers: impl IntoIterator<Item = ServerId>) -> RunBuilder {
        self.run(PowerAction::Start, servers)
    }

    /// Builds a run that stops servers. Without a type the service stops them softly.
    pub fn stop(
        &self,
        stop_type: Option<StopType>,
        servers: impl IntoIterator<Item = ServerId>,
    ) -> RunBuilder {
        self.run(PowerAction::Stop(stop_type), servers)
    }

    /// Builds a run of any action.
    pub fn run(
        &self,
        action: PowerAction,
        servers: impl IntoIterator<Item = ServerId>,
    ) -> RunBuilder {
        RunBuilder::new(self.clone(), action, servers.into_iter().collect())
    }

    /// Resumes a run from its journal: polls the accepted jobs and submits the servers that were
    /// never sent.
    ///
    /// Servers of a lost answer stay unknown unless they are [reconciled](crate::OnUnknown::Reconcile).
    /// The settings are those of the journal, without its deadline and without consent to resubmit.
    /// The report covers all servers of the run.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): the journal belongs to another project or
    /// endpoint.
    pub fn resume(&self, journal: impl Journal, recovered: Recovered) -> Result<RunBuilder, Error> {
        RunBuilder::resume(self.clone(), Arc::new(journal), recovered)
    }
}
