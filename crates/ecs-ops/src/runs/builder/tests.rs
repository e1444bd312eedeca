//! Settings that contradict each other, or are given twice, are refused: none is passed over.

use std::sync::Arc;
use std::time::Duration;

use ecs_auth::{Credentials, StaticCredentials};
use ecs_model::RebootType;

use super::RunBuilder;
use crate::fleet::WaveRecheck;
use crate::journal::{MemoryJournal, Recovered, ServerNames};
use crate::rolling::{AfterCanary, Rules, Waves};
use crate::scripted::{JOB, Script, client_of, endpoint, ids};
use crate::{Client, ErrorKind};

const MINUTE: Duration = Duration::from_secs(60);

fn client() -> Client {
    let (builder, _) = client_of(vec![Script::Answer(200, JOB)]);
    builder.build().unwrap()
}

fn refusal(run: RunBuilder) -> String {
    let error = run.plan().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    error.to_string()
}

fn waves() -> Waves {
    Waves::of(ids(4).chunks(2).map(<[_]>::to_vec).collect())
}

fn checked(run: RunBuilder, name: &str) -> RunBuilder {
    run.health_check(name, MINUTE, |_| async { Ok(()) })
}

fn asking(run: RunBuilder) -> RunBuilder {
    run.canary_question(|| async { true })
}

#[test]
fn what_is_given_twice_is_refused() {
    let client = client();
    let run = || client.reboot(RebootType::Soft, ids(4));
    let rules = Rules {
        canary: Some(AfterCanary::Ask),
        ..Rules::default()
    };
    let half = || "50%".parse().unwrap();
    let temporary = std::env::temp_dir();
    let table = [
        (
            checked(checked(run(), "ping"), "probe"),
            "(\"ping\" and \"probe\")",
        ),
        (asking(asking(run().waves(half(), rules))), "two questions"),
        (
            run()
                .waves(half(), Rules::default())
                .rolling(waves(), Rules::default()),
            "has waves already",
        ),
        (
            run()
                .journal(MemoryJournal::default())
                .journal_in(&temporary),
            "two journals",
        ),
        (
            run()
                .journal_in(&temporary)
                .journal(MemoryJournal::default()),
            "two journals",
        ),
    ];
    for (run, expected) in table {
        let refusal = refusal(run);
        assert!(refusal.contains(expected), "{refusal}");
    }
    // All of it is told at once.
    let twice = checked(checked(run().journal_in(&temporary), "ping"), "probe");
    let refusal = refusal(twice.journal_in(&temporary).batch_size(0));
    assert_eq!(refusal.split("; ").count(), 3, "{refusal}");
}

#[test]
fn what_would_have_no_effect_is_refused() {
    let client = client();
    let run = || client.reboot(RebootType::Soft, ids(4));
    let (transport, _) = ecs_client::testing::service(|_, _| Script::Answer(200, JOB));
    let other = Client::builder(endpoint(), "p2".parse().unwrap())
        .credentials(StaticCredentials::new(Credentials::token("t").unwrap()))
        .transport(transport);
    let table = [
        (asking(run()), "no rule asks it"),
        (
            asking(run().rolling(waves(), Rules::default())),
            "no rule asks it",
        ),
        (run().verify(MINUTE).no_wait(), "exclude each other"),
        (
            run().recheck_waves(WaveRecheck::stop()),
            "for a run with waves",
        ),
        (run().continue_stopped(), "for a run that is resumed"),
        (run().traces(other.build().unwrap()), "is of project p2"),
    ];
    for (run, expected) in table {
        let refusal = refusal(run);
        assert!(refusal.contains(expected), "{refusal}");
    }
    let rolling = run().rolling(waves(), Rules::default());
    let _ = rolling.recheck_waves(WaveRecheck::stop()).plan().unwrap();
}

/// A plan takes a journal if it has none yet.
#[tokio::test(start_paused = true)]
async fn a_plan_takes_one_journal() {
    let client = client();
    let run = client
        .reboot(RebootType::Soft, ids(4))
        .journal(MemoryJournal::default());
    let plan = run.plan().unwrap().journal(MemoryJournal::default());
    let error = plan.begin().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("two journals"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_resumed_run_keeps_what_its_journal_says() {
    let client = client();
    let journal = Arc::new(MemoryJournal::default());
    let named = |name: &str| {
        ids(1)
            .into_iter()
            .map(|id| (id, name.to_owned()))
            .collect::<ServerNames>()
    };
    let run = client.reboot(RebootType::Soft, ids(4)).names(named("web"));
    let run = run.journal(Arc::clone(&journal)).no_wait();
    let _ = run.report().await.unwrap();
    let resumed = || {
        let known = Recovered::from_entries(journal.entries()).unwrap();
        client.resume(Arc::clone(&journal), known).unwrap()
    };
    for (run, expected) in [
        (
            resumed().journal(MemoryJournal::default()),
            "keeps the journal",
        ),
        (
            resumed().journal_in(std::env::temp_dir()),
            "keeps the journal",
        ),
        (resumed().names(named("db")), "names cannot change it"),
        (resumed().simulated(true), "simulated cannot change it"),
    ] {
        let refusal = refusal(run);
        assert!(refusal.contains(expected), "{refusal}");
    }
    let _ = resumed()
        .names(named("web"))
        .continue_stopped()
        .plan()
        .unwrap();
}
