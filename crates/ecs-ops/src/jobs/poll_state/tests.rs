use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_secs(60);

fn usual() -> ExpectedDuration {
    ExpectedDuration::new(14 * SECOND, 20 * SECOND)
}

/// The expected next action, computed without the state machine.
#[derive(Clone, Debug)]
struct Model {
    seed: u64,
    now: Duration,
    began: Option<Duration>,
    new_until: Option<Duration>,
    deadlines: Vec<Duration>,
    for_ever: bool,
    seen: bool,
    refusals: u32,
    contradictions: u32,
    over: bool,
    expected: Expected,
}

#[derive(Clone, Debug)]
enum Expected {
    Nothing,
    Stop(WatchEnd),
    /// A poll after a pause from the first to the second; sooner only for a deadline.
    TestPoll(Duration, Duration),
}

#[derive(Clone, Debug)]
struct TestPoll {
    after: Duration,
    outcome: PollOutcome,
}

impl Model {
    fn deadlines(&self) -> Deadlines {
        Deadlines {
            next: self
                .deadlines
                .iter()
                .copied()
                .filter(|at| *at > self.now)
                .min(),
            last: if self.for_ever {
                None
            } else {
                self.deadlines.iter().copied().max()
            },
        }
    }

    fn refused(&mut self, clear: bool, end: WatchEnd) -> Option<WatchEnd> {
        self.refusals += 1;
        (clear || self.refusals == 3).then_some(end)
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = TestPoll;

    fn init_state() -> BoxedStrategy<Self> {
        let began = proptest::option::of((0..100_u64).prop_map(Duration::from_secs));
        let deadlines =
            proptest::collection::vec((101..2000_u64).prop_map(Duration::from_secs), 0..3);
        (any::<u64>(), began, deadlines, any::<bool>())
            .prop_map(|(seed, began, deadlines, for_ever)| Self {
                seed,
                now: 100 * SECOND,
                began,
                new_until: began.map(|_| 100 * SECOND + GRACE),
                for_ever: for_ever || deadlines.is_empty(),
                deadlines,
                seen: false,
                refusals: 0,
                contradictions: 0,
                over: false,
                expected: Expected::Nothing,
            })
            .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<TestPoll> {
        let over = prop_oneof![4 => Just(Completion::Running), 2 => Just(Completion::Contradictory), 1 => Just(Completion::Finished)];
        let age = proptest::option::of((0..1000_u64).prop_map(Duration::from_secs));
        let outcome = prop_oneof![
            6 => (over, age).prop_map(|(over, age)| PollOutcome::Found { over, age }),
            2 => any::<bool>().prop_map(|authentic| PollOutcome::NotFound { authentic }),
            2 => any::<bool>().prop_map(|authentic| PollOutcome::Denied { authentic }),
            1 => Just(PollOutcome::Refused),
            3 => (0..60_000_u64).prop_map(|pause| PollOutcome::Inconclusive(Duration::from_millis(pause))),
        ];
        let after = (0..40_000_u64).prop_map(Duration::from_millis);
        (after, outcome)
            .prop_map(|(after, outcome)| TestPoll { after, outcome })
            .boxed()
    }

    fn apply(mut state: Self, poll: &TestPoll) -> Self {
        state.now += poll.after;
        // The job is not polled again, or has no subscriber.
        let last = state.deadlines().last;
        if state.over || last.is_some_and(|last| state.now >= last) {
            state.expected = Expected::Nothing;
            return state;
        }
        let end = match poll.outcome {
            PollOutcome::Inconclusive(pause) => {
                state.expected = Expected::TestPoll(pause, pause.max(Duration::from_millis(1)));
                return state;
            }
            PollOutcome::Found { over, age } => {
                state.refusals = 0;
                state.seen = true;
                state.began = state.began.or(age.map(|age| state.now.saturating_sub(age)));
                state.contradictions += u32::from(over == Completion::Contradictory);
                (over == Completion::Finished
                    || (over == Completion::Contradictory && state.contradictions == 3))
                    .then_some(WatchEnd::Finished)
            }
            PollOutcome::NotFound { .. }
                if state.now < *state.new_until.get_or_insert(state.now + GRACE) =>
            {
                None
            }
            PollOutcome::NotFound { authentic } => {
                state.refused(authentic && !state.seen, WatchEnd::NotFound)
            }
            PollOutcome::Denied { authentic } => state.refused(authentic, WatchEnd::Denied),
            PollOutcome::Refused => state.refused(false, WatchEnd::Refused),
        };
        let age = state
            .now
            .saturating_sub(state.began.unwrap_or(100 * SECOND));
        let polling = Polling::default();
        // Never sooner than the floor; never later than the ceiling, unless such jobs usually take
        // longer.
        let latest =
            usual()
                .begin()
                .saturating_sub(age)
                .max(polling.pause(0, Duration::MAX, usual()));
        state.expected = match end {
            Some(end) => Expected::Stop(end),
            None => Expected::TestPoll(polling.floor().mul_f64(0.9), latest.mul_f64(1.1)),
        };
        state.over = end.is_some();
        state
    }
}

struct Subject {
    poll_state: PollState,
    rng: ChaCha8Rng,
}

impl StateMachineTest for Subject {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(model: &Model) -> Self {
        Self {
            poll_state: PollState::new(model.now, model.began, GRACE),
            rng: ChaCha8Rng::seed_from_u64(model.seed),
        }
    }

    fn apply(mut subject: Self, model: &Model, poll: TestPoll) -> Self {
        if matches!(model.expected, Expected::Nothing) {
            return subject;
        }
        let polling = Polling::default();
        let context = PollContext {
            polling: &polling,
            expected: usual(),
            deadlines: model.deadlines(),
        };
        let action = subject
            .poll_state
            .on(model.now, poll.outcome, &context, &mut subject.rng);
        let just_before = context
            .deadlines
            .next
            .map(|next| next - polling.floor() / 2);
        match (action, &model.expected) {
            (NextPoll::Stop(end), Expected::Stop(expected)) => assert_eq!(end, *expected),
            // The pause after a failure is not shortened: the service may have requested it.
            (NextPoll::At(at), Expected::TestPoll(_, latest))
                if matches!(poll.outcome, PollOutcome::Inconclusive(_)) =>
            {
                assert_eq!(at, model.now + *latest);
            }
            (NextPoll::At(at), Expected::TestPoll(soonest, latest)) => {
                assert!(at > model.now && at <= model.now + *latest, "{at:?}");
                assert!(
                    context.deadlines.last.is_none_or(|last| at < last),
                    "{at:?}"
                );
                assert!(
                    at >= model.now + *soonest || Some(at) == just_before,
                    "{at:?}"
                );
                // A poll that would miss a deadline is made before it, if there is time for that.
                let too_late = context.deadlines.next.is_some_and(|next| at >= next);
                assert!(
                    !too_late
                        || just_before
                            .is_some_and(|before| before <= model.now + polling.floor() / 2)
                );
            }
            (NextPoll::Never, Expected::TestPoll(_, latest)) => {
                assert!(
                    context
                        .deadlines
                        .last
                        .is_some_and(|last| model.now + *latest >= last)
                );
            }
            (action, expected) => panic!("{action:?} instead of {expected:?}"),
        }
        subject
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_the_model_says(sequential 1..40 => Subject);
}

fn context(polling: &Polling, expected: ExpectedDuration) -> PollContext<'_> {
    PollContext {
        polling,
        expected,
        deadlines: Deadlines::default(),
    }
}

/// Polls a job that never ends, for an hour.
fn polls(polling: &Polling, expected: ExpectedDuration) -> Vec<Duration> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut poll_state = PollState::new(Duration::ZERO, Some(Duration::ZERO), GRACE);
    let context = context(polling, expected);
    let mut polls = Vec::new();
    let mut action = poll_state.first_poll(Duration::ZERO, &context, &mut rng);
    while let NextPoll::At(at) = action
        && at < 3600 * SECOND
    {
        polls.push(at);
        let seen = PollOutcome::Found {
            over: Completion::Running,
            age: None,
        };
        action = poll_state.on(at, seen, &context, &mut rng);
    }
    polls
}

#[test]
fn polls_begin_when_such_jobs_end_and_become_rarer() {
    let polls = polls(&Polling::default(), usual());
    let near = |at: Duration, seconds: u32| at.abs_diff(seconds * SECOND) <= seconds * SECOND / 10;
    assert!(near(polls[0], 14), "{:?}", polls[0]);
    let pauses: Vec<_> = polls.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // A fifth of the spread at first; a quarter of what it is late, up to the ceiling, in the end.
    assert!(
        pauses[..3].iter().all(|pause| *pause < 5 * SECOND),
        "{pauses:?}"
    );
    assert!(
        pauses[20..].iter().all(|pause| near(*pause, 15)),
        "{pauses:?}"
    );
    // They don't stay in step.
    assert!(pauses[20..].windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn the_baselines() {
    let fixed = polls(&Polling::fixed(5 * SECOND), usual());
    assert!((650..800).contains(&fixed.len()), "{}", fixed.len());
    let doubling = polls(&Polling::exponential(SECOND, 15 * SECOND), usual());
    let pauses: Vec<_> = doubling
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs_f64().round())
        .collect();
    assert_eq!(pauses[..3], [2.0, 4.0, 8.0]);
    assert!(
        pauses[4..]
            .iter()
            .all(|pause| (13.0..=17.0).contains(pause))
    );
}

/// Learned durations move the first poll; absurd ones do not move it far.
#[test]
fn durations() {
    let polling = Polling::default();
    let mut durations = super::super::polling::DurationStats::default();
    assert_eq!(durations.expected("reboot", &polling), polling.assumed());
    for _ in 0..40 {
        durations.learn("reboot", 34 * SECOND);
        durations.learn("endless", Duration::MAX);
    }
    let expected = durations.expected("reboot", &polling);
    assert!(
        (30..34).contains(&expected.begin().as_secs()),
        "{expected:?}"
    );
    assert!(expected.spread() < 8 * SECOND, "{expected:?}");
    assert_eq!(
        durations.expected("endless", &polling).begin(),
        300 * SECOND
    );
    assert_eq!(durations.expected("start", &polling), polling.assumed());
    // However many kinds a service makes up.
    for kind in 0..1000 {
        durations.learn(&kind.to_string(), SECOND);
    }
    assert!(format!("{durations:?}").len() < 60_000);
    assert_eq!(durations.expected("reboot", &polling), expected);
}

/// A job of another process is not polled again before it is likely to end.
#[test]
fn a_job_of_known_age() {
    let polling = Polling::default();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let now = 1000 * SECOND;
    let mut poll_state = PollState::new(now, None, GRACE);
    let seen = PollOutcome::Found {
        over: Completion::Running,
        age: Some(4 * SECOND),
    };
    let NextPoll::At(at) = poll_state.on(now, seen, &context(&polling, usual()), &mut rng) else {
        panic!("it goes on");
    };
    assert!((9..=11).contains(&(at - now).as_secs()), "{at:?}");
}

/// Its age is reported once: what the service's clock says later does not make it younger, nor what it
/// took shorter.
#[test]
fn the_first_reported_age_counts() {
    let polling = Polling::default();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut poll_state = PollState::new(1000 * SECOND, None, GRACE);
    assert_eq!(poll_state.took(1020 * SECOND, None), None, "nobody knows");
    let seen = |age: u32| PollOutcome::Found {
        over: Completion::Running,
        age: Some(age * SECOND),
    };
    let context = context(&polling, usual());
    poll_state.on(1000 * SECOND, seen(30), &context, &mut rng);
    poll_state.on(1010 * SECOND, seen(0), &context, &mut rng);
    assert_eq!(poll_state.took(1020 * SECOND, None), Some(50 * SECOND));
}

/// No pause at all would be a storm.
#[test]
fn failures_without_a_pause() {
    let polling = Polling::default();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut poll_state = PollState::new(SECOND, None, GRACE);
    let inconclusive = PollOutcome::Inconclusive(Duration::ZERO);
    let action = poll_state.on(SECOND, inconclusive, &context(&polling, usual()), &mut rng);
    assert!(matches!(action, NextPoll::At(at) if at > SECOND));
}

#[test]
fn polls_around_deadlines() {
    let at = |next: u32, deadlines: [Option<u32>; 2]| {
        let [next_deadline, last] = deadlines.map(|at| at.map(|at| at * SECOND));
        let deadlines = Deadlines {
            next: next_deadline,
            last,
        };
        in_time(10 * SECOND, next * SECOND, &Polling::default(), deadlines)
    };
    let poll = |at: u32| NextPoll::At(at * SECOND);
    assert_eq!(at(20, [None, None]), poll(20));
    assert_eq!(at(20, [Some(30), Some(30)]), poll(20));
    // A poll that is too late for a subscriber comes just before its deadline, if there is time.
    assert_eq!(at(20, [Some(20), None]), poll(19));
    assert_eq!(at(20, [Some(15), Some(40)]), poll(14));
    assert_eq!(at(20, [Some(12), None]), poll(20));
    assert_eq!(at(20, [Some(12), Some(20)]), NextPoll::Never);
}
