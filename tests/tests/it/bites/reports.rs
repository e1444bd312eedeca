//! Mistakes in the quota and in reports.

use super::*;

/// A token bucket: full at the beginning and refilled evenly, it lets up to twice the quota through
/// in a window.
#[test]
fn a_token_bucket() {
    #[derive(Debug)]
    struct Bucket {
        faulty: FaultyTransport,
        quota: f64,
        /// The number of tokens, and when.
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
        /// Disables the client's own quota: its window is a second long.
        fn client(&self, client: ClientBuilder, _: usize) -> ClientBuilder {
            client.time_factor(60.0)
        }
    }
    is_found(&BucketInstead, "are allowed");
}

/// A quota that is set to twice the real one, as when two clients share an account unknowingly.
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

/// The quota's minute counts from the sending and not from the answer, so that a slow request and
/// the next quick ones meet at the service: here it is a minute that is a second too short.
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

/// A report that omits servers of unknown outcome.
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

/// A report that says "not attempted" instead of "unknown".
#[test]
fn a_report_of_unknown_as_not_attempted() {
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

/// A report that says "unknown" wherever something failed: never false, and useless.
#[test]
fn a_report_of_everything_as_unknown() {
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
