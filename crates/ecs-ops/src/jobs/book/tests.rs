mod rules;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::jobs::machine::Over;

#[derive(Clone, Debug)]
enum Step {
    Watch {
        job: u8,
        wish: Wish,
    },
    Unwatch(prop::sample::Index),
    Pass(Duration),
    /// Everything that is due is taken, and this answered, as far as it goes.
    Answers(Vec<(Observation, u64)>),
    Close,
}

fn seconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs)
}

fn step() -> impl Strategy<Value = Step> {
    let wish = (
        proptest::option::of(seconds(0..50)),
        any::<bool>(),
        proptest::option::of(seconds(1..300)),
        proptest::option::of(seconds(1..100)),
    );
    let wish = wish.prop_map(|(began, at_once, deadline, patience)| Wish {
        kind: None,
        began,
        at_once,
        grace: Duration::from_secs(5),
        deadline,
        patience,
    });
    let over = prop_oneof![8 => Just(Over::No), 1 => Just(Over::Doubtful), 2 => Just(Over::Yes)];
    let observation = prop_oneof![
        8 => over.prop_map(|over| Observation::Seen { over, age: None }),
        1 => Just(Observation::NotKnown { authentic: true }),
        1 => Just(Observation::Refused),
        2 => seconds(0..30).prop_map(Observation::Trouble),
    ];
    prop_oneof![
        6 => (0..6_u8, wish).prop_map(|(job, wish)| Step::Watch { job, wish }),
        2 => any::<prop::sample::Index>().prop_map(Step::Unwatch),
        6 => seconds(0..30).prop_map(Step::Pass),
        8 => proptest::collection::vec((observation, 1..4_u64), 0..6).prop_map(Step::Answers),
        1 => Just(Step::Close),
    ]
}

fn job(number: u8) -> Arc<JobId> {
    Arc::new(format!("job-{number}").parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// One look at a job at a time, however many watch it; whoever watches is told of each look until the end, exactly
    /// once; and nobody is forgotten.
    #[test]
    fn nobody_is_forgotten(steps in proptest::collection::vec(step(), 1..60), seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut habits = Habits::default();
        let mut book = Book::new(Polling::default());
        let mut now = Duration::from_secs(60);
        let mut watching: BTreeMap<Reader, (u8, Wish)> = BTreeMap::new();
        let mut in_flight: BTreeMap<Slot, Arc<JobId>> = BTreeMap::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Watch { job: name, mut wish } => {
                    wish.deadline = wish.deadline.map(|deadline| now + deadline);
                    let reader = (7, number);
                    book.watch(now, job(name), reader, wish.clone(), &habits, &mut rng);
                    let at_once = wish.at_once || wish.began.is_none();
                    let looked_at = in_flight.values().any(|other| *other == job(name));
                    prop_assert!(!at_once || looked_at || book.next_due().is_some_and(|due| due <= now));
                    watching.insert(reader, (name, wish));
                }
                Step::Unwatch(index) if !watching.is_empty() => {
                    let reader = *index.get(&watching.keys().copied().collect::<Vec<_>>());
                    let (name, _) = watching.remove(&reader).unwrap();
                    let last = watching.values().all(|(other, _)| *other != name);
                    prop_assert_eq!(book.unwatch(&job(name), reader).is_some(), last);
                    if last {
                        in_flight.retain(|_, other| *other != job(name));
                    }
                }
                Step::Unwatch(_) => {}
                Step::Pass(time) => now += time,
                Step::Answers(answers) => {
                    while let Some((slot, job_id, _)) = book.take_due(now) {
                        let names: BTreeSet<_> = watching.values().map(|(name, _)| job(*name)).collect();
                        prop_assert!(names.contains(&job_id), "nobody watches it");
                        prop_assert!(in_flight.values().all(|other| *other != job_id), "twice at once");
                        in_flight.insert(slot, job_id);
                    }
                    for (observation, progress) in answers {
                        let Some((slot, job_id)) = in_flight.pop_first() else { break };
                        let seen = matches!(observation, Observation::Seen { .. });
                        let sight = seen.then(|| Sight { progress, ..Sight::default() });
                        let look = Look { observation, sight, history: RetryState::default() };
                        let told = book.looked(now, slot, look, &mut habits, &mut rng);
                        let all = watching.iter().filter(|(_, (name, _))| job(*name) == job_id);
                        let all: BTreeSet<Reader> = all.map(|(reader, _)| *reader).collect();
                        let mut both: Vec<_> = told.readers.iter().chain(&told.stalled).copied().collect();
                        both.sort_unstable();
                        prop_assert_eq!(&both, &all.into_iter().collect::<Vec<_>>());
                        for reader in &told.stalled {
                            let (_, wish) = watching.remove(reader).unwrap();
                            prop_assert!(wish.patience.is_some() && seen && told.end.is_none());
                        }
                        if told.end.is_some() {
                            told.readers.iter().for_each(|reader| { watching.remove(reader); });
                        }
                    }
                }
                Step::Close => {
                    let mut told = book.close();
                    told.sort_unstable();
                    prop_assert_eq!(told, watching.keys().copied().collect::<Vec<_>>());
                    watching.clear();
                    in_flight.clear();
                }
            }
            prop_assert_eq!(book.is_empty(), watching.is_empty());
            // Each job is being looked at, or will be, unless all who watch it will have stopped before.
            let due: Vec<_> = book.entries.values().filter(|entry| entry.due != Due::Never).collect();
            for (name, wish) in watching.values() {
                let planned = due.iter().any(|entry| entry.job_id == job(*name));
                prop_assert!(planned || wish.deadline.is_some(), "{name} is forgotten");
            }
            prop_assert_eq!(book.queue.len() + in_flight.len(), due.len());
        }
    }
}

fn wish() -> Wish {
    Wish {
        kind: None,
        began: None,
        at_once: false,
        grace: Duration::ZERO,
        deadline: None,
        patience: None,
    }
}

fn goes_on(progress: u64) -> Look {
    Look {
        observation: Observation::Seen {
            over: Over::No,
            age: None,
        },
        sight: Some(Sight {
            progress,
            ..Sight::default()
        }),
        history: RetryState::default(),
    }
}

/// Patience counts from the last progress, and from when somebody began to watch.
#[test]
fn patience() {
    let second = Duration::from_secs(1);
    let (mut rng, mut habits) = (ChaCha8Rng::seed_from_u64(1), Habits::default());
    let mut book = Book::new(Polling::default());
    let impatient = Wish {
        patience: Some(60 * second),
        ..wish()
    };
    book.watch(
        Duration::ZERO,
        job(1),
        (1, 1),
        impatient.clone(),
        &habits,
        &mut rng,
    );
    let (slot, ..) = book.take_due(Duration::ZERO).unwrap();
    let mut look = |book: &mut Book, now: u32, progress| {
        book.looked(now * second, slot, goes_on(progress), &mut habits, &mut rng)
    };
    assert_eq!(look(&mut book, 0, 1).stalled, []);
    assert_eq!(look(&mut book, 59, 1).stalled, []);
    // Progress.
    assert_eq!(look(&mut book, 61, 2).stalled, []);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    book.watch(
        100 * second,
        job(1),
        (1, 2),
        impatient,
        &Habits::default(),
        &mut rng,
    );
    book.watch(
        100 * second,
        job(1),
        (1, 3),
        wish(),
        &Habits::default(),
        &mut rng,
    );
    let told = look(&mut book, 121, 2);
    assert_eq!(
        (told.stalled, told.readers),
        (vec![(1, 1)], vec![(1, 2), (1, 3)])
    );
    let told = look(&mut book, 160, 2);
    assert_eq!((told.stalled, told.readers), (vec![(1, 2)], vec![(1, 3)]));
    assert_eq!(look(&mut book, 10_000, 2).stalled, []);
    assert!(!book.is_empty());
}

/// First come, first served, among those who are due.
#[test]
fn the_order_of_looks() {
    let (mut rng, habits) = (ChaCha8Rng::seed_from_u64(1), Habits::default());
    let mut book = Book::new(Polling::default());
    let now = Duration::from_secs(1);
    for number in [3, 1, 2] {
        book.watch(
            now,
            job(number),
            (0, number.into()),
            wish(),
            &habits,
            &mut rng,
        );
    }
    let order = std::iter::from_fn(|| book.take_due(now)).map(|(_, job_id, _)| job_id.to_string());
    assert_eq!(order.collect::<Vec<_>>(), ["job-3", "job-1", "job-2"]);
}
