//! Where runs begin: the methods of a client that make one.

use std::sync::Arc;

use ecs_client::Error;
use ecs_model::{RebootType, ServerId, StopType};

use super::RunBuilder;
use crate::action::PowerAction;
use crate::client::Client;
use crate::journal::{Journal, Recovered};

impl Client {
    /// Restarts servers.
    pub fn reboot(
        &self,
        kind: RebootType,
        servers: impl IntoIterator<Item = ServerId>,
    ) -> RunBuilder {
        self.run(PowerAction::Reboot(kind), servers)
    }

    /// Starts servers.
    pub fn start(&self, servers: impl IntoIterator<Item = ServerId>) -> RunBuilder {
        self.run(PowerAction::Start, servers)
    }

    /// Stops servers; without a type the service stops them softly.
    pub fn stop(
        &self,
        kind: Option<StopType>,
        servers: impl IntoIterator<Item = ServerId>,
    ) -> RunBuilder {
        self.run(PowerAction::Stop(kind), servers)
    }

    /// Does this to servers.
    pub fn run(
        &self,
        action: PowerAction,
        servers: impl IntoIterator<Item = ServerId>,
    ) -> RunBuilder {
        RunBuilder::new(self.clone(), action, servers.into_iter().collect())
    }

    /// Goes on with a run where its journal ends: waits for the jobs that were accepted, submits what was never sent, and
    /// leaves unknown what may have been sent without an answer, unless it is to be
    /// [reconciled](RunBuilder::reconcile). It has the settings of the run, but no deadline, and sends nothing of unknown fate again; both can be
    /// changed, and the report is
    /// about all servers of the run.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): the journal is of another project or another service.
    pub fn resume(&self, journal: impl Journal, recovered: Recovered) -> Result<RunBuilder, Error> {
        RunBuilder::resume(self.clone(), Arc::new(journal), recovered)
    }
}
