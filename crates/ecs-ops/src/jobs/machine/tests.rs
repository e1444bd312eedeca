use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_secs(60);
const USUAL: Usual = Usual {
    begin: Duration::from_secs(14),
    spread: Duration::from_secs(20),
};

/// What must follow, worked out without the machine.
#[derive(Clone, Debug)]
struct Model {
    seed: u64,
    now: Duration,
    began: Option<Duration>,
    new_until: Option<Duration>,
    deadlines: Vec<Duration>,
    for_ever: bool,
    refusals: u32,
    doubts: u32,
    over: bool,
    expected: Expected,
}

#[derive(Clone, Debug)]
enum Expected {
    Nothing,
    End(End),
    /// A look after a pause from the first to the second; sooner only for a deadline.
    Look(Duration, Duration),
}

#[derive(Clone, Debug)]
struct Look {
    after: Duration,
    observation: Observation,
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
            last: match self.for_ever {
                true => None,
                false => self.deadlines.iter().copied().max(),
            },
        }
    }

    fn refused(&mut self, clear: bool, end: End) -> Option<End> {
        self.refusals += 1;
        (clear || self.refusals == 3).then_some(end)
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Look;

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
                refusals: 0,
                doubts: 0,
                over: false,
                expected: Expected::Nothing,
            })
            .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Look> {
        let over =
            prop_oneof![4 => Just(Over::No), 2 => Just(Over::Doubtful), 1 => Just(Over::Yes)];
        let age = proptest::option::of((0..1000_u64).prop_map(Duration::from_secs));
        let observation = prop_oneof![
            6 => (over, age).prop_map(|(over, age)| Observation::Seen { over, age }),
            2 => any::<bool>().prop_map(|authentic| Observation::NotKnown { authentic }),
            2 => any::<bool>().prop_map(|authentic| Observation::Denied { authentic }),
            1 => Just(Observation::Refused),
            3 => (0..60_000_u64).prop_map(|pause| Observation::Trouble(Duration::from_millis(pause))),
        ];
        let after = (0..40_000_u64).prop_map(Duration::from_millis);
        (after, observation)
            .prop_map(|(after, observation)| Look { after, observation })
            .boxed()
    }

    fn apply(mut state: Self, look: &Look) -> Self {
        state.now += look.after;
        // Nobody looks again, or for whom nobody waits.
        let last = state.deadlines().last;
        if state.over || last.is_some_and(|last| state.now >= last) {
            state.expected = Expected::Nothing;
            return state;
        }
        let end = match look.observation {
            Observation::Trouble(pause) => {
                state.expected = Expected::Look(pause, pause.max(Duration::from_millis(1)));
                return state;
            }
            Observation::Seen { over, age } => {
                state.refusals = 0;
                state.began = state.began.or(age.map(|age| state.now.saturating_sub(age)));
                state.doubts += u32::from(over == Over::Doubtful);
                (over == Over::Yes || (over == Over::Doubtful && state.doubts == 3))
                    .then_some(End::Over)
            }
            Observation::NotKnown { .. }
                if state.now < *state.new_until.get_or_insert(state.now + GRACE) =>
            {
                None
            }
            Observation::NotKnown { authentic } => state.refused(authentic, End::NotKnown),
            Observation::Denied { authentic } => state.refused(authentic, End::Denied),
            Observation::Refused => state.refused(false, End::Refused),
        };
        let age = state
            .now
            .saturating_sub(state.began.unwrap_or(100 * SECOND));
        let polling = Polling::default();
        // Never sooner than the floor; never later than the ceiling, unless such jobs usually take longer.
        let latest = USUAL
            .begin
            .saturating_sub(age)
            .max(polling.pause(0, Duration::MAX, USUAL));
        state.expected = match end {
            Some(end) => Expected::End(end),
            None => Expected::Look(polling.floor().mul_f64(0.9), latest.mul_f64(1.1)),
        };
        state.over = end.is_some();
        state
    }
}

struct Subject {
    machine: Machine,
    rng: ChaCha8Rng,
}

impl StateMachineTest for Subject {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(model: &Model) -> Self {
        Self {
            machine: Machine::new(model.now, model.began, GRACE),
            rng: ChaCha8Rng::seed_from_u64(model.seed),
        }
    }

    fn apply(mut subject: Self, model: &Model, look: Look) -> Self {
        if matches!(model.expected, Expected::Nothing) {
            return subject;
        }
        let polling = Polling::default();
        let given = Circumstances {
            polling: &polling,
            usual: USUAL,
            deadlines: model.deadlines(),
        };
        let action = subject
            .machine
            .on(model.now, look.observation, &given, &mut subject.rng);
        let just_before = given.deadlines.next.map(|next| next - polling.floor() / 2);
        match (action, &model.expected) {
            (Action::End(end), Expected::End(expected)) => assert_eq!(end, *expected),
            // After trouble the pause is what it is: the service may have asked for it.
            (Action::LookAt(at), Expected::Look(_, latest))
                if matches!(look.observation, Observation::Trouble(_)) =>
            {
                assert_eq!(at, model.now + *latest);
            }
            (Action::LookAt(at), Expected::Look(soonest, latest)) => {
                assert!(at > model.now && at <= model.now + *latest, "{at:?}");
                assert!(given.deadlines.last.is_none_or(|last| at < last), "{at:?}");
                assert!(
                    at >= model.now + *soonest || Some(at) == just_before,
                    "{at:?}"
                );
                // A look that would miss a deadline is taken before it, if there is time for that.
                let too_late = given.deadlines.next.is_some_and(|next| at >= next);
                assert!(
                    !too_late
                        || just_before
                            .is_some_and(|before| before <= model.now + polling.floor() / 2)
                );
            }
            (Action::Rest, Expected::Look(_, latest)) => {
                assert!(
                    given
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

fn given(polling: &Polling, usual: Usual) -> Circumstances<'_> {
    Circumstances {
        polling,
        usual,
        deadlines: Deadlines::default(),
    }
}

/// Looks at a job that never ends, until an hour is over.
fn looks(polling: &Polling, usual: Usual) -> Vec<Duration> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut machine = Machine::new(Duration::ZERO, Some(Duration::ZERO), GRACE);
    let given = given(polling, usual);
    let mut looks = Vec::new();
    let mut action = machine.first_look(Duration::ZERO, &given, &mut rng);
    while let Action::LookAt(at) = action
        && at < 3600 * SECOND
    {
        looks.push(at);
        let seen = Observation::Seen {
            over: Over::No,
            age: None,
        };
        action = machine.on(at, seen, &given, &mut rng);
    }
    looks
}

#[test]
fn looks_begin_when_such_jobs_end_and_come_further_apart() {
    let looks = looks(&Polling::default(), USUAL);
    let near = |at: Duration, seconds: u32| at.abs_diff(seconds * SECOND) <= seconds * SECOND / 10;
    assert!(near(looks[0], 14), "{:?}", looks[0]);
    let pauses: Vec<_> = looks.windows(2).map(|pair| pair[1] - pair[0]).collect();
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
    let fixed = looks(&Polling::fixed(5 * SECOND), USUAL);
    assert!((650..800).contains(&fixed.len()), "{}", fixed.len());
    let doubling = looks(&Polling::exponential(SECOND, 15 * SECOND), USUAL);
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

/// What is learned moves the first look; what is absurd does not move it far.
#[test]
fn habits() {
    let polling = Polling::default();
    let mut habits = super::super::schedule::Habits::default();
    assert_eq!(habits.usual("reboot", &polling), polling.assumed());
    for _ in 0..40 {
        habits.learn("reboot", 34 * SECOND);
        habits.learn("endless", Duration::MAX);
    }
    let usual = habits.usual("reboot", &polling);
    assert!((30..34).contains(&usual.begin.as_secs()), "{usual:?}");
    assert!(usual.spread < 8 * SECOND, "{usual:?}");
    assert_eq!(habits.usual("endless", &polling).begin, 300 * SECOND);
    assert_eq!(habits.usual("start", &polling), polling.assumed());
    // However many kinds a service makes up.
    for kind in 0..1000 {
        habits.learn(&kind.to_string(), SECOND);
    }
    assert!(format!("{habits:?}").len() < 60_000);
    assert_eq!(habits.usual("reboot", &polling), usual);
}

/// A job that somebody else began is not looked at again before it is likely to end.
#[test]
fn a_job_of_known_age() {
    let polling = Polling::default();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let now = 1000 * SECOND;
    let mut machine = Machine::new(now, None, GRACE);
    let seen = Observation::Seen {
        over: Over::No,
        age: Some(4 * SECOND),
    };
    let Action::LookAt(at) = machine.on(now, seen, &given(&polling, USUAL), &mut rng) else {
        panic!("it goes on");
    };
    assert!((9..=11).contains(&(at - now).as_secs()), "{at:?}");
}

/// Its age is told once: what the service's clock says later does not make it younger, nor what it took shorter.
#[test]
fn the_first_age_that_is_told_counts() {
    let polling = Polling::default();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut machine = Machine::new(1000 * SECOND, None, GRACE);
    assert_eq!(machine.took(1020 * SECOND, None), None, "nobody knows");
    let seen = |age: u32| Observation::Seen {
        over: Over::No,
        age: Some(age * SECOND),
    };
    let given = given(&polling, USUAL);
    machine.on(1000 * SECOND, seen(30), &given, &mut rng);
    machine.on(1010 * SECOND, seen(0), &given, &mut rng);
    assert_eq!(machine.took(1020 * SECOND, None), Some(50 * SECOND));
}

/// No pause at all would be a storm.
#[test]
fn trouble_without_a_pause() {
    let polling = Polling::default();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut machine = Machine::new(SECOND, None, GRACE);
    let trouble = Observation::Trouble(Duration::ZERO);
    let action = machine.on(SECOND, trouble, &given(&polling, USUAL), &mut rng);
    assert!(matches!(action, Action::LookAt(at) if at > SECOND));
}

#[test]
fn looks_around_deadlines() {
    let at = |next: u32, deadlines: [Option<u32>; 2]| {
        let [next_deadline, last] = deadlines.map(|at| at.map(|at| at * SECOND));
        let deadlines = Deadlines {
            next: next_deadline,
            last,
        };
        in_time(10 * SECOND, next * SECOND, &Polling::default(), deadlines)
    };
    let look = |at: u32| Action::LookAt(at * SECOND);
    assert_eq!(at(20, [None, None]), look(20));
    assert_eq!(at(20, [Some(30), Some(30)]), look(20));
    // Too late for somebody: just before, if there is time for that.
    assert_eq!(at(20, [Some(20), None]), look(19));
    assert_eq!(at(20, [Some(15), Some(40)]), look(14));
    assert_eq!(at(20, [Some(12), None]), look(20));
    assert_eq!(at(20, [Some(12), Some(20)]), Action::Rest);
}
