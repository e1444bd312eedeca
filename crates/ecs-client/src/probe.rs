//! A single attempt that is reported in full, for diagnosis.

use ecs_auth::{AuthError, Echo};
use ecs_model::{AnswerOrigin, ListServersDetails, Operation as _, intermediary};
use ecs_transport::{Attempt, TransportError};
use jiff::Timestamp;

use crate::clock::date_of;
use crate::freshness::stale;
use crate::{Client, Endpoint, Stale, describe_answer};

/// The report of one harmless request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Probe {
    /// The local time of signing.
    pub sent_at: Timestamp,
    /// The service's time; `None` if no answer had a date.
    pub service_time: Option<Timestamp>,
    /// The expiry of the credentials, if known.
    pub expires_at: Option<Timestamp>,
    /// The proxy or web server that the answer names: see [`intermediary`].
    pub intermediary: Option<String>,
    /// The reason why the answer is not current, if a cache made it.
    pub stale: Option<Stale>,
    /// The result.
    pub end: ProbeEnd,
}

/// The result of a [`Probe`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ProbeEnd {
    /// The request succeeded.
    Answered {
        /// The number of servers of the project, if the service gave it.
        servers: Option<u64>,
    },
    /// The answer is an error.
    Refused {
        /// The answer as text, formatted by [`describe_answer`].
        described: String,
        /// The maker of the answer, as far as its form proves that.
        origin: AnswerOrigin,
        /// The new address of the whole site, if the answer is a redirect that names one.
        moved_to: Option<Endpoint>,
        /// The HTTP status.
        status: u16,
        /// The service's error code.
        code: Option<String>,
        /// The service's message, with secrets masked.
        message: Option<String>,
        /// The service's id of the exchange, for its support.
        request_id: Option<String>,
        /// The service's view of the signed request, if it was signed.
        echo: Option<Echo>,
    },
    /// No complete answer arrived.
    Failed(TransportError),
    /// Nothing was sent: there are no credentials.
    NoCredentials(AuthError),
}

impl Client {
    /// Sends one harmless query (a list of one server) and reports it in full. The query is neither
    /// retried nor signed with renewed credentials, since a few wrong signatures lock a key.
    ///
    /// ```
    /// # async fn example(client: ecs_client::Client) {
    /// use ecs_client::ProbeEnd;
    ///
    /// let probe = client.probe().await;
    /// if let ProbeEnd::Refused { status, .. } = &probe.end {
    ///     println!("{status}; our clock: {}, theirs: {:?}", probe.sent_at, probe.service_time);
    /// }
    /// # }
    /// ```
    pub async fn probe(&self) -> Probe {
        let sent_at = self.clock().now();
        let mut probe = Probe {
            sent_at,
            service_time: None,
            expires_at: None,
            intermediary: None,
            stale: None,
            end: ProbeEnd::Answered { servers: None },
        };
        let credentials = match self.in_time(|| self.credentials().credentials()).await {
            Ok(credentials) => credentials,
            Err(error) => {
                probe.end = ProbeEnd::NoCredentials(error);
                return probe;
            }
        };
        probe.sent_at = self.clock().now();
        probe.expires_at = credentials.expires_at();
        let list = ListServersDetails::builder().limit(1).build();
        let list = list.unwrap_or_default();
        let attempt = Attempt::first().with_timeout(self.attempt_timeout());
        let exchange = async {
            let (request, signed) = self.request(&list, &credentials)?;
            let asked = request.uri().clone();
            Ok((self.exchange(request, &attempt).await?, asked, signed))
        };
        let (answer, asked, signed) = match exchange.await {
            Ok(answered) => answered,
            Err(error) => {
                probe.end = ProbeEnd::Failed(error);
                return probe;
            }
        };
        probe.service_time = date_of(answer.headers());
        probe.intermediary = intermediary(answer.headers());
        probe.stale = stale(answer.headers(), None);
        let read = ListServersDetails::decode(answer.status(), answer.headers(), answer.body());
        probe.end = match read {
            Ok(found) => ProbeEnd::Answered {
                servers: found.count,
            },
            Err(error) => {
                let message = error.message();
                let mask = |text: &str| credentials.mask(text).into_owned();
                let moved_to = self.moved_to(&error, &asked);
                ProbeEnd::Refused {
                    described: mask(&describe_answer(&error, moved_to.as_ref())),
                    origin: error.origin(),
                    moved_to,
                    status: error.status().as_u16(),
                    code: error.code().map(mask),
                    request_id: error.request_id().map(str::to_owned),
                    message: message.map(mask),
                    echo: signed.map(|signed| {
                        let ours = signed.canonical_request();
                        ours.compare_with_echo(message.unwrap_or_default())
                    }),
                }
            }
        };
        probe
    }
}
