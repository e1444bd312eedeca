//! Tickets of events: with them another process waits for the jobs of a run that is still at work.

use std::sync::Arc;

use ecs_model::RebootType;

use crate::journal::{MemoryJournal, Replay};
use crate::scripted::{accepts, client_of, ids, service};
use crate::{Event, JobTicket};

fn tickets(events: impl IntoIterator<Item = Event>) -> Vec<JobTicket> {
    let ticket = |event| match event {
        Event::Accepted { ticket, .. } => Some(*ticket.expect("somebody reads")),
        _ => None,
    };
    events.into_iter().filter_map(ticket).collect()
}

/// They are those of the report, and of the records; another client waits with them.
#[tokio::test(start_paused = true)]
async fn the_event_of_a_new_job_has_its_ticket() {
    let (builder, _) = client_of((0..3).map(accepts).collect());
    let client = builder.build().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let run = client.reboot(RebootType::Soft, ids(25)).batch_size(10);
    let run = run.journal(Arc::clone(&journal)).begin().await.unwrap();
    let mut events = run.events();
    let report = run.await;
    let told = tickets(std::iter::from_fn(|| events.try_next()));
    assert_eq!(told, report.tickets().cloned().collect::<Vec<_>>());
    let servers: Vec<_> = told.iter().map(|ticket| ticket.servers().len()).collect();
    assert_eq!(servers, [10, 10, 5]);

    let mut replay = Replay::default();
    let entries = journal.entries().into_iter();
    let replayed = tickets(entries.flat_map(|entry| replay.apply(entry).unwrap()));
    assert_eq!(replayed, told);

    let (builder, _) = client_of(vec![accepts(0)]);
    let other = builder.build().unwrap();
    for job in other.watch(told).unwrap().until_done().await {
        assert_eq!(job.end.succeeded(), Some(true));
        assert!(!job.servers.is_empty(), "of its ticket");
    }
}

/// Nobody reads: nothing is made for readers.
#[tokio::test(start_paused = true)]
async fn a_reader_that_is_gone_costs_nothing() {
    let (builder, _) = service(|_, number| accepts(number));
    let client = builder.build().unwrap();
    for keeps in [false, true] {
        let run = client.reboot(RebootType::Soft, ids(3)).no_wait();
        let run = if keeps { run.keep_events() } else { run };
        let run = run.begin().await.unwrap();
        drop(run.events());
        assert_eq!(run.sink.is_read(), keeps);
    }
}
