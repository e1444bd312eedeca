//! Mistakes in the quota and in reports.

use super::*;

/// A token bucket: full at the beginning and refilled evenly, it lets up to twice the quota through in a window.
#[test]
fn a_token_bucket() {
    #[derive(Debug)]
    struct Bucket {
        faulty: FaultyTransport,
        quota: f64,
        /// How many tokens there were, and when.
        tokens: Mutex<(f64, Instant)>,
    }
    impl Bucket {
        fn take(&self, servers: f64) -> bool {
            let (tokens, since) = &mut *self.tokens.lock().unwrap();
            let refill = since.elapsed().as_secs_f64() * self.quota / 60.0;
            *tokens = (*tokens + refill).min(self.quota);
            *since = Instant::now();
            let enough = *tokens >= servers;
            if enough {
                *tokens -= servers;
            }
            enough
        }
    }
    impl Transport for Bucket {
        fn send<'a>(
            &'a self,
            request: Request<Bytes>,
            attempt: &'a Attempt,
        ) -> BoxFuture<'a, Answer> {
            let servers = String::from_utf8_lossy(request.body())
                .matches("\"id\"")
                .count() as f64;
            attempt.mark().hold();
            Box::pin(async move {
                while servers > 0.0 && !self.take(servers) {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                self.faulty.send(request, attempt).await
            })
        }
    }
    struct BucketInstead;
    impl Subject for BucketInstead {
        fn transport(&self, faulty: FaultyTransport, quota: usize) -> Arc<dyn Transport> {
            let quota = quota as f64;
            let tokens = Mutex::new((quota, Instant::now()));
            Arc::new(Bucket {
                faulty,
                quota,
                tokens,
            })
        }
        /// Takes the client's own pacing away: its window is a second long.
        fn client(&self, client: ClientBuilder, _: usize) -> ClientBuilder {
            client.time_factor(60.0)
        }
    }
    is_found(&BucketInstead, "are allowed");
}

/// Told a quota that is twice as large as it is, as when two clients share an account and don't know of each other.
#[test]
fn a_wrong_quota() {
    struct Wrong;
    impl Subject for Wrong {
        fn client(&self, client: ClientBuilder, quota: usize) -> ClientBuilder {
            client.servers_per_minute(quota * 2)
        }
    }
    is_found(&Wrong, "are allowed");
}

/// The quota's minute is counted from the sending and not from the answer, so that a slow request and the next
/// quick ones meet at the service: here it is a minute that is a second too short.
#[test]
fn a_window_that_is_a_second_too_short() {
    struct Short;
    impl Subject for Short {
        fn client(&self, client: ClientBuilder, _: usize) -> ClientBuilder {
            client.time_factor(60.0 / 59.0)
        }
    }
    is_found(&Short, "are allowed");
}

/// A report that leaves out whom it knows nothing of.
#[test]
fn a_report_without_the_unknown() {
    struct Forgetful;
    impl Subject for Forgetful {
        fn report(&self, report: &mut Report) {
            report
                .servers
                .retain(|server| !matches!(server.outcome, Outcome::Unknown { .. }));
        }
    }
    is_found(&Forgetful, "does not have each server once");
}

/// A report that says "not attempted" of what it lost sight of.
#[test]
fn a_report_that_takes_unknown_for_not_attempted() {
    struct Hopeful;
    impl Subject for Hopeful {
        fn report(&self, report: &mut Report) {
            for server in &mut report.servers {
                if let Outcome::Unknown {
                    job_id: None,
                    error,
                } = &server.outcome
                {
                    server.outcome = Outcome::NotAttempted {
                        error: error.clone(),
                    };
                }
            }
        }
    }
    is_found(&Hopeful, "is said to be NotAttempted");
}

/// A report that says "unknown" wherever something went wrong: never false, and of no use.
#[test]
fn a_report_that_knows_nothing() {
    struct Timid;
    impl Subject for Timid {
        fn report(&self, report: &mut Report) {
            for server in &mut report.servers {
                if let Outcome::Failed {
                    job_id: None,
                    error,
                }
                | Outcome::NotAttempted { error } = &server.outcome
                {
                    server.outcome = Outcome::Unknown {
                        job_id: None,
                        error: error.clone(),
                    };
                }
            }
        }
    }
    is_found(&Timid, "is said to be Unknown");
}
