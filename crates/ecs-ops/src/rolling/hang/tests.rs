//! The conditions of a hang.

use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn restarting(task: &str) -> HangReading {
    HangReading::Restarting {
        task: task.to_owned(),
        updated: "2026-11-30T10:00:00Z".to_owned(),
    }
}

fn history(reads: &[(u32, HangReading)]) -> HangHistory {
    let mut history = HangHistory::default();
    for (minute, reading) in reads {
        history.add(MINUTE * *minute, reading.clone());
    }
    history
}

/// A read every five minutes, from this minute to that one.
fn every_five(from: u32, to: u32) -> Vec<(u32, HangReading)> {
    (from..=to)
        .step_by(5)
        .map(|minute| (minute, restarting("reboot_started")))
        .collect()
}

fn decide(reads: &[(u32, HangReading)]) -> Escalation {
    escalate_hang(true, &history(reads), MIN_HANG, false)
}

#[test]
fn a_server_that_hangs_is_restarted_hard_after_the_limit() {
    assert_eq!(decide(&every_five(0, 25)), Escalation::NotYet);
    assert_eq!(decide(&every_five(0, 30)), Escalation::Hard);
    assert_eq!(decide(&every_five(5, 30)), Escalation::NotYet);
    let hangs = history(&every_five(0, 30));
    assert_eq!(
        escalate_hang(false, &hangs, MIN_HANG, false),
        Escalation::NotYet,
        "the job is not seen"
    );
    assert_eq!(escalate_hang(true, &hangs, MIN_HANG, true), Escalation::No);
    assert_eq!(
        escalate_hang(true, &hangs, MINUTE, false),
        Escalation::Hard,
        "a shorter limit than the vendor's is none"
    );
    let short = history(&every_five(0, 25));
    assert_eq!(
        escalate_hang(true, &short, MINUTE, false),
        Escalation::NotYet
    );
}

#[test]
fn an_interruption_of_a_hang_restarts_its_time() {
    let with = |minute: u32, reading: HangReading| {
        let mut reads = every_five(0, 30);
        reads.push((minute, reading));
        reads.sort_by_key(|(minute, _)| *minute);
        decide(&reads)
    };
    assert_eq!(with(17, HangReading::Other), Escalation::NotYet);
    assert_eq!(with(17, restarting("rebooting")), Escalation::NotYet);
    let changed = HangReading::Restarting {
        task: "reboot_started".to_owned(),
        updated: "2026-11-30T10:07:00Z".to_owned(),
    };
    assert_eq!(with(17, changed), Escalation::NotYet);
    // A failed read in between proves nothing; the last one must succeed.
    assert_eq!(with(17, HangReading::Failed), Escalation::Hard);
    assert_eq!(with(31, HangReading::Failed), Escalation::NotYet);
}

#[test]
fn time_without_reads_does_not_count() {
    let mut reads = every_five(0, 10);
    reads.extend(every_five(25, 40));
    assert_eq!(decide(&reads), Escalation::NotYet);
    // Two reads, however far apart, are none either.
    let pair = [(0, restarting("x")), (60, restarting("x"))];
    assert_eq!(decide(&pair), Escalation::NotYet);
}

fn readings() -> impl Strategy<Value = Vec<(u64, HangReading)>> {
    let reading = prop_oneof![
        8 => Just(restarting("reboot_started")),
        1 => Just(restarting("rebooting")),
        1 => Just(HangReading::Other),
        1 => Just(HangReading::Failed),
    ];
    let read = (30_u64..700, reading);
    prop::collection::vec(read, 0..40).prop_map(|reads| {
        let mut at = 0;
        let later = |(pause, reading)| {
            at += pause;
            (at, reading)
        };
        reads.into_iter().map(later).collect()
    })
}

proptest! {
    /// A hard restart follows only after thirty minutes of the same task, without a gap, with a
    /// good last read, and with a job that was just seen running: however the reads come.
    #[test]
    fn a_hard_restart_rests_on_the_whole_time(
        reads in readings(),
        shown_running: bool,
        already: bool,
        limit in 0_u64..5000,
    ) {
        let mut history = HangHistory::default();
        for (at, reading) in &reads {
            history.add(Duration::from_secs(*at), reading.clone());
        }
        let limit = Duration::from_secs(limit);
        let decision = escalate_hang(shown_running, &history, limit, already);
        prop_assert_eq!(decision == Escalation::No, already);
        if decision == Escalation::Hard {
            prop_assert!(shown_running && !already);
            let (end, last) = reads.last().unwrap();
            let restarting = matches!(last, HangReading::Restarting { .. });
            prop_assert!(restarting);
            let begin = end - limit.max(MIN_HANG).as_secs();
            let mut previous = *end;
            for (at, reading) in reads.iter().rev() {
                if *reading == HangReading::Failed {
                    continue;
                }
                prop_assert_eq!(reading, last);
                prop_assert!(previous - at <= MAX_GAP.as_secs());
                previous = *at;
                if *at <= begin {
                    break;
                }
            }
            prop_assert!(previous <= begin);
        }
    }

    /// A further read can only help if it shows the same.
    #[test]
    fn a_read_that_shows_nothing_never_escalates(reads in readings(), fails: bool) {
        let mut history = HangHistory::default();
        for (at, reading) in reads {
            history.add(Duration::from_secs(at), reading);
        }
        let reading = if fails { HangReading::Failed } else { HangReading::Other };
        history.add(Duration::from_secs(100_000), reading);
        let decision = escalate_hang(true, &history, MIN_HANG, false);
        prop_assert_eq!(decision, Escalation::NotYet);
    }
}
