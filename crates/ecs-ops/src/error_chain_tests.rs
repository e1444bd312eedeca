//! Errors keep what caused them, and none displays the text of its cause: who prints an error with its
//! causes prints each text once.

use std::error::Error as StdError;
use std::io;

use ecs_auth::BoxFuture;
use ecs_model::RebootType;
use ecs_transport::{TransportError, TransportErrorKind};
use jiff::Timestamp;

use crate::journal::{
    Journal, JournalError, JournalErrorKind, JournalLease, MemoryJournal, Record, Recovered,
};
use crate::scripted::{JOB, OUT_OF_REACH, Script, client_of, endpoint, ids, service};
use crate::selection::Selection;
use crate::{Client, Error, chain};

/// The errors from this one down to its last cause.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source()).collect()
}

fn has<T: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    causes(error).iter().any(|cause| cause.is::<T>())
}

fn check_texts(error: &(dyn StdError + 'static)) {
    let texts: Vec<_> = causes(error).iter().map(ToString::to_string).collect();
    for pair in texts.windows(2) {
        assert!(!pair[0].contains(&pair[1]), "{texts:?}");
    }
    if let Some(error) = error.downcast_ref::<Error>() {
        let last = texts.last().map(String::as_str).unwrap_or_default();
        assert!(
            error.problem().message.contains(last),
            "{texts:?}: {error:?}"
        );
    }
    assert_eq!(chain(error), texts.join(": "));
    if let Some(error) = error.downcast_ref::<Error>() {
        assert_eq!(chain(&error.clone()), chain(error));
    }
}

/// A journal whose store is gone.
#[derive(Debug, Default)]
struct Gone(JournalLease);

impl Journal for Gone {
    fn append(&self, _: Timestamp, _: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        let cause = io::Error::other("connection reset");
        let error = JournalError::new(JournalErrorKind::Io, "no record was taken");
        Box::pin(std::future::ready(Err(error.with_source(cause))))
    }

    fn lease(&self) -> &JournalLease {
        &self.0
    }
}

fn client() -> Client {
    let (builder, _) = client_of(vec![Script::Answer(200, JOB)]);
    builder.build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_fails() {
    let client = client();
    let run = || client.reboot(RebootType::Soft, ids(2));
    let error = run().journal(Gone::default()).begin().await.unwrap_err();
    assert!(has::<JournalError>(&error) && has::<io::Error>(&error));
    check_texts(&error);
    let directory = std::env::temp_dir().join("of-no-run/at-all");
    let error = run().journal_in(directory).begin().await.unwrap_err();
    assert!(has::<JournalError>(&error) && has::<io::Error>(&error));
    check_texts(&error);
}

#[tokio::test(start_paused = true)]
async fn a_journal_of_another_project() {
    let journal = MemoryJournal::default();
    let (builder, _) = client_of(vec![Script::Answer(200, JOB)]);
    let run = builder.build().unwrap().reboot(RebootType::Soft, ids(2));
    let journal = std::sync::Arc::new(journal);
    let _ = run.journal(std::sync::Arc::clone(&journal)).report().await;
    let (transport, _) = ecs_client::testing::service(|_, _| Script::Answer(200, JOB));
    let other = Client::builder(endpoint(), "p2".parse().unwrap())
        .credentials(ecs_auth::Credentials::token("t").unwrap())
        .transport(transport)
        .build()
        .unwrap();
    let recovered = Recovered::from_entries(journal.entries()).unwrap();
    let error = other.resume(journal, recovered).unwrap_err();
    assert!(has::<JournalError>(&error));
    check_texts(&error);
}

#[tokio::test(start_paused = true)]
async fn servers_that_cannot_be_listed() {
    let (builder, _) = service(|_, _| OUT_OF_REACH);
    let client = builder.build().unwrap();
    let error = client
        .servers()
        .select(&Selection::all())
        .await
        .unwrap_err();
    assert!(has::<Error>(&error));
    check_texts(&error);
}

/// What answers before the run begins is something else.
#[tokio::test(start_paused = true)]
async fn a_page_of_something_else() {
    let (builder, _) = service(|_, _| Script::Answer(200, "<html>login</html>"));
    let client = builder.with_service_check().build().unwrap();
    let error = client
        .reboot(RebootType::Soft, ids(2))
        .begin()
        .await
        .unwrap_err();
    assert!(error.problem().message.starts_with("nothing was sent: "));
    assert!(has::<ecs_client::RequestError>(&error), "{error:?}");
    check_texts(&error);
}

/// The cause of a transport's error is that of the request.
#[tokio::test(start_paused = true)]
async fn a_transport_that_fails() {
    let transport = ecs_transport::FnTransport::new(|_, _| async {
        let delivery = ecs_transport::Delivery::NotSent;
        let cause = io::Error::other("no route to host");
        Err(TransportError::new(TransportErrorKind::Connect, delivery).with_source(cause))
    });
    let client = Client::builder(endpoint(), "p1".parse().unwrap())
        .credentials(ecs_auth::Credentials::token("t").unwrap())
        .transport(transport)
        .build()
        .unwrap();
    let error = client.server(ids(1)[0]).await.unwrap_err();
    assert!(has::<io::Error>(&error));
    check_texts(&error);
}
