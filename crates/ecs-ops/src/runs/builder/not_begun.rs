//! A run that is given up before it begins.

use uuid::Uuid;

use super::RunBuilder;
use crate::fleet::UnreadyServer;
use crate::report::{Outcome, Report, ServerReport};
use crate::{Error, ErrorKind};

impl RunBuilder {
    /// The report of a run that is given up before it begins, because what was read beforehand
    /// shows that it would come to nothing: no server was attempted.
    ///
    /// ```
    /// # fn example(client: ecs_ops::Client, server: ecs_ops::model::ServerId, error: ecs_ops::Error) {
    /// let report = client.start([server]).not_begun(&error);
    /// assert_eq!(report.summary().not_attempted, 1);
    /// # }
    /// ```
    pub fn not_begun(self, error: &Error) -> Report {
        let problem = error.problem().clone();
        let outcome = || Outcome::NotAttempted {
            error: problem.clone(),
        };
        let servers = self.servers.into_iter();
        let unready = self.unready.iter().map(UnreadyServer::report);
        Report {
            run_id: self.run_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
            action: self.action,
            jobs: Vec::new(),
            servers: servers
                .map(|id| ServerReport::new(id, outcome()))
                .chain(unready)
                .collect(),
            stopped: None,
            refused: (error.kind() == ErrorKind::Credentials).then_some(problem),
            target: self.target,
            skipped: self.skipped,
            unready: self.unready,
        }
    }
}
