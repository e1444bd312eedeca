mod rules;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::jobs::poll_state::Completion;

#[derive(Clone, Debug)]
enum Step {
    WatchOptions {
        job: u8,
        options: ScheduleOptions,
    },
    Unwatch(prop::sample::Index),
    Pass(Duration),
    /// Everything that is due is taken, and this answered, as far as it goes.
    Answers(Vec<(PollOutcome, u64)>),
    Close,
}

fn seconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs)
}

fn step() -> impl Strategy<Value = Step> {
    let options = (
        proptest::option::of(seconds(0..50)),
        any::<bool>(),
        proptest::option::of(seconds(1..300)),
        proptest::option::of(seconds(1..100)),
    );
    let options = options.prop_map(|(began, at_once, deadline, stall_limit)| ScheduleOptions {
        kind: None,
        began,
        at_once,
        grace: Duration::from_secs(5),
        deadline,
        stall_limit,
    });
    let over = prop_oneof![8 => Just(Completion::Running), 1 => Just(Completion::Contradictory), 2 => Just(Completion::Finished)];
    let outcome = prop_oneof![
        8 => over.prop_map(|over| PollOutcome::Found { over, age: None }),
        1 => Just(PollOutcome::NotFound { authentic: true }),
        1 => Just(PollOutcome::Refused),
        2 => seconds(0..30).prop_map(PollOutcome::Inconclusive),
    ];
    prop_oneof![
        6 => (0..6_u8, options).prop_map(|(job, options)| Step::WatchOptions { job, options }),
        2 => any::<prop::sample::Index>().prop_map(Step::Unwatch),
        6 => seconds(0..30).prop_map(Step::Pass),
        8 => proptest::collection::vec((outcome, 1..4_u64), 0..6).prop_map(Step::Answers),
        1 => Just(Step::Close),
    ]
}

fn job(number: u8) -> Arc<JobId> {
    Arc::new(format!("job-{number}").parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A job has one poll at a time, however many subscribers it has; each subscriber gets each
    /// poll until the end, exactly once, and none is forgotten.
    #[test]
    fn no_subscriber_is_forgotten(steps in proptest::collection::vec(step(), 1..60), seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut durations = DurationStats::default();
        let mut scheduler = PollScheduler::new(Polling::default());
        let mut now = Duration::from_secs(60);
        let mut subscriber: BTreeMap<SubscriberId, (u8, ScheduleOptions)> = BTreeMap::new();
        let mut in_flight: BTreeMap<JobKey, Arc<JobId>> = BTreeMap::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::WatchOptions { job: name, mut options } => {
                    options.deadline = options.deadline.map(|deadline| now + deadline);
                    let subscriber_id = (7, number);
                    scheduler.watch(now, job(name), subscriber_id, options.clone(), &durations, &mut rng);
                    let at_once = options.at_once || options.began.is_none();
                    let looked_at = in_flight.values().any(|other| *other == job(name));
                    prop_assert!(!at_once || looked_at || scheduler.next_due().is_some_and(|due| due <= now));
                    subscriber.insert(subscriber_id, (name, options));
                }
                Step::Unwatch(index) if !subscriber.is_empty() => {
                    let subscriber_id = *index.get(&subscriber.keys().copied().collect::<Vec<_>>());
                    let (name, _) = subscriber.remove(&subscriber_id).unwrap();
                    let last = subscriber.values().all(|(other, _)| *other != name);
                    prop_assert_eq!(scheduler.unwatch(&job(name), subscriber_id).is_some(), last);
                    if last {
                        in_flight.retain(|_, other| *other != job(name));
                    }
                }
                Step::Unwatch(_) => {}
                Step::Pass(time) => now += time,
                Step::Answers(answers) => {
                    while let Some((key, job_id, _)) = scheduler.take_due(now) {
                        let names: BTreeSet<_> = subscriber.values().map(|(name, _)| job(*name)).collect();
                        prop_assert!(names.contains(&job_id), "nobody watches it");
                        prop_assert!(in_flight.values().all(|other| *other != job_id), "twice at once");
                        in_flight.insert(key, job_id);
                    }
                    for (outcome, progress) in answers {
                        let Some((key, job_id)) = in_flight.pop_first() else { break };
                        let seen = matches!(outcome, PollOutcome::Found { .. });
                        let snapshot = seen.then(|| JobSnapshot { progress, ..JobSnapshot::default() });
                        let result = PollResult { outcome, snapshot, history: RetryState::default() };
                        let decision = scheduler.polled(now, key, result, &mut durations, &mut rng);
                        let all = subscriber.iter().filter(|(_, (name, _))| job(*name) == job_id);
                        let all: BTreeSet<SubscriberId> = all.map(|(subscriber_id, _)| *subscriber_id).collect();
                        let mut both: Vec<_> = decision.subscribers.iter().chain(&decision.stalled).copied().collect();
                        both.sort_unstable();
                        prop_assert_eq!(&both, &all.into_iter().collect::<Vec<_>>());
                        for subscriber_id in &decision.stalled {
                            let (_, options) = subscriber.remove(subscriber_id).unwrap();
                            prop_assert!(options.stall_limit.is_some() && seen && decision.end.is_none());
                        }
                        if decision.end.is_some() {
                            decision.subscribers.iter().for_each(|subscriber_id| { subscriber.remove(subscriber_id); });
                        }
                    }
                }
                Step::Close => {
                    let mut decision = scheduler.close();
                    decision.sort_unstable();
                    prop_assert_eq!(decision, subscriber.keys().copied().collect::<Vec<_>>());
                    subscriber.clear();
                    in_flight.clear();
                }
            }
            prop_assert_eq!(scheduler.is_empty(), subscriber.is_empty());
            // Each job is being polled, or will be, unless all its watchers will have stopped
            // before.
            let due: Vec<_> = scheduler.entries.values().filter(|entry| entry.due != Due::Never).collect();
            for (name, options) in subscriber.values() {
                let planned = due.iter().any(|entry| entry.job_id == job(*name));
                prop_assert!(planned || options.deadline.is_some(), "{name} is forgotten");
            }
            prop_assert_eq!(scheduler.queue.len() + in_flight.len(), due.len());
        }
    }
}

fn options() -> ScheduleOptions {
    ScheduleOptions {
        kind: None,
        began: None,
        at_once: false,
        grace: Duration::ZERO,
        deadline: None,
        stall_limit: None,
    }
}

fn is_still_running(progress: u64) -> PollResult {
    PollResult {
        outcome: PollOutcome::Found {
            over: Completion::Running,
            age: None,
        },
        snapshot: Some(JobSnapshot {
            progress,
            ..JobSnapshot::default()
        }),
        history: RetryState::default(),
    }
}

/// The limit counts from the last progress, and from the first subscriber.
#[test]
fn stall_limit() {
    let second = Duration::from_secs(1);
    let (mut rng, mut durations) = (ChaCha8Rng::seed_from_u64(1), DurationStats::default());
    let mut scheduler = PollScheduler::new(Polling::default());
    let short_limit = ScheduleOptions {
        stall_limit: Some(60 * second),
        ..options()
    };
    scheduler.watch(
        Duration::ZERO,
        job(1),
        (1, 1),
        short_limit.clone(),
        &durations,
        &mut rng,
    );
    let (key, ..) = scheduler.take_due(Duration::ZERO).unwrap();
    let mut result = |scheduler: &mut PollScheduler, now: u32, progress| {
        scheduler.polled(
            now * second,
            key,
            is_still_running(progress),
            &mut durations,
            &mut rng,
        )
    };
    assert_eq!(result(&mut scheduler, 0, 1).stalled, []);
    assert_eq!(result(&mut scheduler, 59, 1).stalled, []);
    // Progress.
    assert_eq!(result(&mut scheduler, 61, 2).stalled, []);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    scheduler.watch(
        100 * second,
        job(1),
        (1, 2),
        short_limit,
        &DurationStats::default(),
        &mut rng,
    );
    scheduler.watch(
        100 * second,
        job(1),
        (1, 3),
        options(),
        &DurationStats::default(),
        &mut rng,
    );
    let decision = result(&mut scheduler, 121, 2);
    assert_eq!(
        (decision.stalled, decision.subscribers),
        (vec![(1, 1)], vec![(1, 2), (1, 3)])
    );
    let decision = result(&mut scheduler, 160, 2);
    assert_eq!(
        (decision.stalled, decision.subscribers),
        (vec![(1, 2)], vec![(1, 3)])
    );
    assert_eq!(result(&mut scheduler, 10_000, 2).stalled, []);
    assert!(!scheduler.is_empty());
}

/// Due jobs are polled in their order of arrival.
#[test]
fn the_order_of_polls() {
    let (mut rng, durations) = (ChaCha8Rng::seed_from_u64(1), DurationStats::default());
    let mut scheduler = PollScheduler::new(Polling::default());
    let now = Duration::from_secs(1);
    for number in [3, 1, 2] {
        scheduler.watch(
            now,
            job(number),
            (0, number.into()),
            options(),
            &durations,
            &mut rng,
        );
    }
    let order =
        std::iter::from_fn(|| scheduler.take_due(now)).map(|(_, job_id, _)| job_id.to_string());
    assert_eq!(order.collect::<Vec<_>>(), ["job-3", "job-1", "job-2"]);
}
