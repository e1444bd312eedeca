//! Processes that die, and those that resume.

use std::sync::Arc;
use std::time::Duration;

use ecs_ops::journal::MemoryJournal;
use ecs_ops::{OnUnknown, Report, Stopped};
use ecs_tests::death::{Death, Process, When};

use super::checks::{check_budget, check_waves};
use super::world::*;

/// Plays until a process comes to the end; each of these deaths hits one of them. A run that stops
/// by its own rules is resumed. Returns how often each process wrote and sent.
pub(crate) async fn life(play: Play, deaths: &[Death]) -> Vec<(usize, usize)> {
    let world = World::new(play);
    let journal = Arc::new(MemoryJournal::default());
    let worst = deaths.last().copied().unwrap_or(Death::Never);
    let endless = std::iter::repeat_n(Death::Never, 6);
    let mut counts = Vec::new();
    for (lives, death) in (1..).zip(deaths.iter().copied().chain(endless)) {
        let process = Process::new(death);
        let run = if journal.entries().is_empty() {
            run_of(&world, play, &process, &journal)
        } else {
            resumed(&world, play, &process, &journal).unwrap()
        };
        let report = world.play(run, &process).await;
        counts.push((process.writes(), process.sends()));
        if let Some(report) = report {
            check_waves(&journal.entries());
            check_budget(&journal.entries());
            world.check(play, worst, lives, &report);
            if !matches!(report.stopped, Some(Stopped::Rolling(_))) {
                check_end(&world, play, &journal, &report).await;
                return counts;
            }
        }
        // Requests that had left continue for a while.
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    panic!("no process lived to the end: {play:?}");
}

/// Checks that another resume changes nothing and reports the same.
async fn check_end(world: &World, play: Play, journal: &Arc<MemoryJournal>, report: &Report) {
    let process = Process::new(Death::Never);
    let again = resumed(world, play, &process, journal).unwrap();
    let again = again.on_unknown(OnUnknown::Report);
    let again = world.play(again, &process).await.unwrap();
    let expected = |report: &Report| -> Vec<_> {
        let servers = report.servers.iter();
        servers
            .map(|server| (server.id, server.outcome.name()))
            .collect()
    };
    if report.summary().not_attempted == 0 {
        assert_eq!(expected(&again), expected(report), "{play:?}");
        let sends = process.sends();
        assert_eq!(sends, 0, "{play:?}");
    } else if !play.loses_request || !play.resubmit {
        // Servers that were found not to have been acted on are sent now, in waves if there are
        // any.
        check_waves(&journal.entries());
        assert_eq!(again.summary().not_attempted, 0, "{play:?} {again:#?}");
        assert_eq!(
            report.summary().unknown,
            again.summary().unknown,
            "{play:?}"
        );
    }
}

pub(crate) fn on_paused_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(work)
}

/// Plays every possible death of each of the play's processes.
pub(crate) fn all_deaths(play: Play) -> usize {
    let counts = on_paused_time(life(play, &[]));
    let whole = counts
        .iter()
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(whole.0 > 10 && whole.1 > 4, "{counts:?}");
    let both = [When::Before, When::After];
    let mut all = 0;
    for (processes, (writes, sends)) in counts.into_iter().enumerate() {
        let at_writes = (0..writes).flat_map(|n| both.map(|when| Death::Write(n, when)));
        let at_sends = (0..sends).flat_map(|n| both.map(|when| Death::Send(n, when)));
        for death in at_writes.chain(at_sends) {
            let mut deaths = vec![Death::Never; processes];
            deaths.push(death);
            on_paused_time(life(play, &deaths));
            all += 1;
        }
    }
    all
}
