use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::journal::{JournalLease, MemoryJournal};
use crate::scripted::{Script, ids, service};

/// A journal that takes everything but its first record.
#[derive(Debug, Default)]
struct FailsOnce {
    kept: MemoryJournal,
    appended: AtomicUsize,
}

impl Journal for FailsOnce {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        if self.appended.fetch_add(1, Ordering::SeqCst) == 0 {
            let failed = JournalError::new(JournalErrorKind::Io, "no space left");
            return Box::pin(async move { Err(failed) });
        }
        self.kept.append(at, record)
    }

    fn lease(&self) -> &JournalLease {
        self.kept.lease()
    }
}

/// It is not known what of the failed record is kept, so no attempt may follow it.
#[tokio::test(start_paused = true)]
async fn nothing_is_announced_after_a_record_that_failed() {
    let (builder, _) = service(|_, _| Script::Answer(200, ""));
    let client = builder.build().unwrap().0.core.clone();
    let journal = Arc::new(FailsOnce::default());
    let log = RunJournal::begin(client.clone(), Some(journal.clone()), "run-1").unwrap();
    let servers = ids(1);
    let request = RequestJournal {
        log: &log,
        request: 1,
        purpose: Purpose::First,
        servers: &servers,
    };
    log.write(|| Record::Ended {}).await.unwrap_err();
    assert!(log.broken().is_some());
    let limits = QuotaLimits::new(10, Duration::from_secs(60), Duration::from_secs(30));
    let now = client.clock().read();
    let refused = request.announce(1, now, limits).await.unwrap_err();
    assert!(refused.message.contains("no space left"), "{refused}");
    log.write(|| Record::Ended {}).await.unwrap_err();
    assert_eq!(journal.appended.load(Ordering::SeqCst), 1);
}
