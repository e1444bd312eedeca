//! Hints about runs that change, by LISTEN on a connection of its own.
//!
//! It needs a session: behind a pooler in transaction mode notifications do not arrive. Readers
//! of hints also read from time to time.

use std::future::poll_fn;
use std::time::Duration;

use ecs_ops::chain;
use ecs_ops::store::Hints;
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};

use crate::address::StoreAddress;
use crate::error::of_driver;
use crate::tls::{Connector, Encrypted};
use crate::{StoreError, StoreErrorKind};

/// The statements of a listener. Processes notify only while this lock is held (`schema/0002.sql`).
/// The lock is taken after LISTEN, so that no notification is sent that would not arrive.
const LISTEN: &str = "LISTEN ecsctl_runs; SELECT pg_advisory_lock_shared(7306347162104917603)";
/// The time limit for connecting and listening.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The interval at which the server is probed.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);
/// The limits of the pause before a connection is made anew.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Listens for as long as it is polled, and reconnects when the connection breaks.
pub(crate) async fn listen(address: StoreAddress, tls: Connector, hints: Hints) {
    let mut pause = FIRST_PAUSE;
    loop {
        let mut was_listening = false;
        let ended = session(&address, &tls, &hints, &mut was_listening).await;
        let reason = ended.map_or_else(|error| chain(&error), |()| "it was closed".to_owned());
        tracing::debug!(
            reason,
            "the connection that listens for changes in the store ended"
        );
        if was_listening {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Listens on one connection until it ends.
async fn session(
    address: &StoreAddress,
    tls: &Connector,
    hints: &Hints,
    was_listening: &mut bool,
) -> Result<(), StoreError> {
    let connected = timeout(BEGIN_TIMEOUT, address.config().connect(tls.clone())).await;
    let connected = connected.map_err(|_| too_slow())?;
    let (client, connection) = connected.map_err(of_driver)?;
    let receive = receive(connection, hints);
    let keep = async {
        let began = timeout(BEGIN_TIMEOUT, client.batch_execute(LISTEN)).await;
        began.map_err(|_| too_slow())?.map_err(of_driver)?;
        *was_listening = true;
        // Earlier changes are not notified.
        hints.anything_changed();
        check(&client).await
    };
    tokio::select! {
        ended = receive => ended,
        ended = keep => ended,
    }
}

/// Forwards notifications.
async fn receive(
    mut connection: Connection<Socket, Encrypted>,
    hints: &Hints,
) -> Result<(), StoreError> {
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(notification) = message.map_err(of_driver)? {
            hints.run_changed(notification.payload());
        }
    }
    Ok(())
}

/// Returns when the server no longer answers.
async fn check(client: &Client) -> Result<(), StoreError> {
    loop {
        sleep(CHECK_INTERVAL).await;
        let answered = timeout(BEGIN_TIMEOUT, client.batch_execute("")).await;
        answered.map_err(|_| too_slow())?.map_err(of_driver)?;
    }
}

fn too_slow() -> StoreError {
    let message = format!("the store gave no answer within {BEGIN_TIMEOUT:?}");
    StoreError::new(StoreErrorKind::Unavailable, message)
}
