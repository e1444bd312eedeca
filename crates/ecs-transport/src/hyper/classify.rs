//! Classification of hyper's errors by delivery.
//!
//! Why each claim of `NotSent` is certain (hyper-util 0.1.21 `legacy/client.rs`, hyper 1.12 `client/dispatch.rs`):
//!
//! - `try_send_request` first awaits a connection, then stores it in the request's capture, then hands the request
//!   over, the last two in one poll. So while nothing is captured, no connection task has ever had the request.
//! - It hands over again only what a *reused* connection gave back. hyper gives a request back (`take_message`) only
//!   while it still lies in the channel to the connection task, or was never put there; the task takes it out before
//!   it encodes the first byte. So whatever happens in the last round, the earlier rounds wrote nothing.
//! - An error carries `connect_info` exactly when the last round had a connection. Without: nothing was sent.
//! - With it, and caused by a TLS 1.3 server that refused the handshake for want of a client certificate
//!   (`line::HandshakeRefused`): what was written was never read.
//! - With it, and caused by a hyper error that `is_canceled`: the request was given back (every such error that an
//!   HTTP/1 connection makes comes with the request), on a new connection, which is not tried again.

use std::error::Error as StdError;
use std::io;

use hyper_util::client::legacy;

use super::address::Address;
use super::connect::ConnectFailure;
use super::line::HandshakeRefused;
use super::tls::find;
use crate::{Delivery, TransportError, TransportErrorKind};

/// Classifies an exchange that failed before the head of a response arrived.
pub(super) fn exchange(error: legacy::Error, address: &Address) -> TransportError {
    if let Some(failure) = error
        .source()
        .and_then(|source| source.downcast_ref::<ConnectFailure>())
    {
        return failure.to_transport_error();
    }
    if let Some(refused) = find::<HandshakeRefused>(&error) {
        let kind = TransportErrorKind::ClientCertificateRequired;
        return TransportError::new(kind, Delivery::NotSent)
            .with_detail(address.to_string())
            .with_source(refused.clone());
    }
    let cause = error
        .source()
        .and_then(|source| source.downcast_ref::<hyper::Error>());
    let given_back = cause.is_some_and(hyper::Error::is_canceled);
    let delivery = if error.connect_info().is_none() || given_back {
        Delivery::NotSent
    } else {
        Delivery::MaybeSent
    };
    let kind = match cause {
        _ if error.is_connect() => TransportErrorKind::Connect,
        Some(cause) if cause.is_canceled() => TransportErrorKind::Cancelled,
        Some(cause) if cause.is_parse() => TransportErrorKind::Protocol,
        Some(cause) if cause.is_incomplete_message() || cause.is_closed() => {
            TransportErrorKind::Closed
        }
        Some(cause) if find::<io::Error>(cause).is_some() => TransportErrorKind::Closed,
        // The remaining case is hyper's "unexpected message": bytes that answer no request.
        Some(cause) if !cause.is_user() => TransportErrorKind::Protocol,
        _ => TransportErrorKind::Other,
    };
    TransportError::new(kind, delivery)
        .with_detail(address.to_string())
        .with_source(error)
}

/// Classifies a body that failed after the head had arrived. The request was sent.
pub(super) fn body(error: hyper::Error, address: &Address) -> TransportError {
    let malformed = find::<io::Error>(&error).is_some_and(|cause| {
        matches!(
            cause.kind(),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
        )
    });
    let kind = if malformed || error.is_parse() {
        TransportErrorKind::Protocol
    } else {
        TransportErrorKind::BodyCut
    };
    TransportError::new(kind, Delivery::MaybeSent)
        .with_detail(address.to_string())
        .with_source(error)
}
