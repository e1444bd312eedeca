//! One attempt that is reported in full, to find out what is wrong.

use ecs_auth::{AuthError, Echo};
use ecs_model::{ListServersDetails, Operation as _};
use ecs_transport::{Attempt, TransportError};
use jiff::Timestamp;

use crate::Client;
use crate::clock::date_of;

/// How one harmless request ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Probe {
    /// What our clock showed when it was signed.
    pub sent_at: Timestamp,
    /// What the service's clock showed, if it answered with a date.
    pub service_time: Option<Timestamp>,
    /// When the credentials end, if that is known.
    pub expires_at: Option<Timestamp>,
    /// How it ended.
    pub end: ProbeEnd,
}

/// How a [`Probe`] ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProbeEnd {
    /// As it should.
    Answered {
        /// How many servers the project has, if the service said so.
        servers: Option<u64>,
    },
    /// The service answered with an error.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The service's code.
        code: Option<String>,
        /// Its words, without what it repeats of our secrets.
        message: Option<String>,
        /// Its id of the exchange, for its support.
        request_id: Option<String>,
        /// What it says of the request that was signed, where one was.
        echo: Option<Echo>,
    },
    /// No whole answer came.
    Failed(TransportError),
    /// It was not sent: there were no credentials.
    NoCredentials(AuthError),
}

impl Client {
    /// Lists one server: once, with the credentials of now, whatever comes of it. Nothing is repeated or renewed, since a few wrong
    /// signatures lock a key.
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
            end: ProbeEnd::Answered { servers: None },
        };
        let credentials = match self.in_time(self.credentials().credentials()).await {
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
            Ok((self.exchange(request, &attempt).await?, signed))
        };
        let (answer, signed) = match exchange.await {
            Ok(answered) => answered,
            Err(error) => {
                probe.end = ProbeEnd::Failed(error);
                return probe;
            }
        };
        probe.service_time = date_of(answer.headers());
        let read = ListServersDetails::decode(answer.status(), answer.headers(), answer.body());
        probe.end = match read {
            Ok(found) => ProbeEnd::Answered {
                servers: found.count,
            },
            Err(error) => {
                let message = error.message();
                let mask = |text: &str| credentials.mask(text).into_owned();
                ProbeEnd::Refused {
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
