//! A run that is given up before it begins.

use ecs_client::Problem;
use uuid::Uuid;

use super::RunBuilder;
use crate::fleet::UnreadyServer;
use crate::report::{Outcome, Report, ServerReport};

impl RunBuilder {
    /// The report of a run that is given up before it begins, because what was looked at beforehand
    /// shows that it would come to nothing: no server was attempted. `refused`: it was the
    /// credentials that were refused.
    ///
    /// ```
    /// # fn example(client: ecs_ops::Client, server: ecs_ops::model::ServerId, error: ecs_ops::Error) {
    /// let report = client.start([server]).not_begun(error.problem().clone(), false);
    /// assert_eq!(report.summary().not_attempted, 1);
    /// # }
    /// ```
    pub fn not_begun(self, problem: Problem, refused: bool) -> Report {
        let outcome = |error: &Problem| Outcome::NotAttempted {
            error: error.clone(),
        };
        let servers = self.servers.into_iter();
        let unready = self.unready.iter().map(UnreadyServer::report);
        Report {
            run_id: self.run_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
            action: self.action,
            jobs: Vec::new(),
            servers: servers
                .map(|id| ServerReport::new(id, outcome(&problem)))
                .chain(unready)
                .collect(),
            stopped: None,
            refused: refused.then_some(problem),
            target: self.target,
            skipped: self.skipped,
        }
    }
}
