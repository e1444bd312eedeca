//! A client of a scripted service, for the tests of this crate.

use bytes::Bytes;
use ecs_auth::{Credentials, StaticCredentials};
use ecs_model::ServerId;
use ecs_transport::{FnTransport, TransportError};
use http::Request;

use crate::testing::{Script, Seen, service};
use crate::{Client, ClientBuilder, Endpoint};

pub(crate) const TOKEN: &str = "MIIDkgYJKoZIhvcNAQcCoIIDgzCC";

pub(crate) fn endpoint() -> Endpoint {
    "https://ecs.example".parse().unwrap()
}

pub(crate) fn ids(count: u128) -> Vec<ServerId> {
    let id = |number: u128| ServerId::from_bytes(number.to_be_bytes());
    (1..=count).map(id).collect()
}

/// Returns a client of a service that answers by `script`, whose second argument counts the
/// requests of the same method, from 0.
pub(crate) fn scripted(
    script: impl Fn(&Request<Bytes>, usize) -> Script + Send + Sync + 'static,
) -> (ClientBuilder, Seen) {
    let (transport, seen) = service(script);
    let builder = Client::builder(endpoint(), "p1".parse().unwrap())
        .credentials(StaticCredentials::new(Credentials::token(TOKEN).unwrap()))
        .transport(transport)
        .seed(1);
    (builder, seen)
}

/// Returns a client whose transport always fails with this error.
pub(crate) fn failing(error: impl Fn() -> TransportError + Send + Sync + 'static) -> ClientBuilder {
    let transport = FnTransport::new(move |_: Request<Bytes>, _| {
        let error = error();
        async move { Err(error) }
    });
    Client::builder(endpoint(), "p1".parse().unwrap())
        .credentials(StaticCredentials::new(Credentials::token(TOKEN).unwrap()))
        .transport(transport)
        .seed(1)
}
