//! One rule at a time.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A book, and what it needs.
struct Desk {
    book: Book,
    habits: Habits,
    rng: ChaCha8Rng,
}

impl Desk {
    fn new() -> Self {
        Self {
            book: Book::new(Polling::default()),
            habits: Habits::default(),
            rng: ChaCha8Rng::seed_from_u64(1),
        }
    }

    fn watch(&mut self, now: u32, reader: usize, wish: Wish) {
        let (habits, rng) = (&self.habits, &mut self.rng);
        self.book
            .watch(now * SECOND, job(1), (0, reader), wish, habits, rng);
    }

    /// Looks at the job that is due.
    fn look(&mut self, now: u32, look: Look) -> Told {
        let (slot, ..) = self.book.take_due(now * SECOND).unwrap();
        let (habits, rng) = (&mut self.habits, &mut self.rng);
        self.book.looked(now * SECOND, slot, look, habits, rng)
    }

    fn due(&self) -> Option<f64> {
        self.book.next_due().map(|due| due.as_secs_f64())
    }
}

fn until(deadline: u32) -> Wish {
    Wish {
        deadline: Some(deadline * SECOND),
        ..wish()
    }
}

fn new(began: u32) -> Wish {
    Wish {
        began: Some(began * SECOND),
        ..wish()
    }
}

fn over(kind: &str, took: Option<Duration>) -> Look {
    Look {
        observation: Observation::Seen {
            over: Over::Yes,
            age: None,
        },
        sight: Some(Sight {
            progress: 3,
            kind: Some(kind.to_owned()),
            took,
        }),
        history: RetryState::default(),
    }
}

/// A deadline that is over hides none that is to come; and as long as somebody waits, the job is looked at.
#[test]
fn each_reader_has_a_last_look() {
    let mut desk = Desk::new();
    desk.watch(0, 1, until(5));
    desk.watch(0, 2, until(12));
    desk.look(0, goes_on(1));
    // Half a shortest pause before the first of them, then before the second.
    assert_eq!(desk.due(), Some(4.0));
    desk.look(4, goes_on(1));
    assert!(desk.due().is_some_and(|due| due > 4.0 && due <= 11.0));
    // The first is still in the books.
    let mut last = 4;
    while let Some(due) = desk.due() {
        last = due.ceil() as u32;
        desk.look(last, goes_on(1));
    }
    assert!((9..=11).contains(&last), "{last}");
    assert!(!desk.book.is_empty());
}

#[test]
fn who_comes_later_with_less_time_has_the_look_pulled() {
    let mut desk = Desk::new();
    desk.watch(0, 1, new(0));
    assert!(desk.due().is_some_and(|due| (9.0..=11.0).contains(&due)));
    let hurried = Wish {
        began: Some(Duration::ZERO),
        ..until(6)
    };
    desk.watch(1, 2, hurried);
    assert_eq!(desk.due(), Some(5.0));
}

/// The age of a job counts from its beginning, not from when somebody asks.
#[test]
fn the_first_look_at_a_job_that_began_a_while_ago() {
    let mut desk = Desk::new();
    desk.watch(6, 1, new(0));
    assert!(desk.due().is_some_and(|due| (9.0..=11.0).contains(&due)));
}

/// Trouble is counted until the job is seen.
#[test]
fn what_happened_is_forgotten_with_a_sight() {
    let mut desk = Desk::new();
    desk.watch(0, 1, wish());
    let history = RetryState {
        failures: 3,
        ..RetryState::default()
    };
    let trouble = Look {
        observation: Observation::Trouble(7 * SECOND),
        sight: None,
        history,
    };
    let told = desk.look(0, trouble);
    assert_eq!((told.next_in, desk.due()), (7 * SECOND, Some(7.0)));
    let (slot, _, before) = desk.book.take_due(7 * SECOND).unwrap();
    assert_eq!(before, history);
    let seen = Look {
        history,
        ..goes_on(1)
    };
    let (habits, rng) = (&mut desk.habits, &mut desk.rng);
    desk.book.looked(7 * SECOND, slot, seen, habits, rng);
    let later = desk.book.next_due().unwrap();
    assert_eq!(desk.book.take_due(later).unwrap().2, RetryState::default());
}

/// Falling back is none, and does not make what was there before new again.
#[test]
fn progress_only_grows() {
    let mut desk = Desk::new();
    let impatient = Wish {
        patience: Some(60 * SECOND),
        ..wish()
    };
    desk.watch(0, 1, impatient);
    desk.look(0, goes_on(2));
    let mut stalled = None;
    for turn in 0..100 {
        let now = desk.due().unwrap().ceil() as u32;
        let told = desk.look(now, goes_on(1 + turn % 2));
        if !told.stalled.is_empty() {
            stalled = Some(now);
            break;
        }
    }
    assert!(
        stalled.is_some_and(|now| (60..80).contains(&now)),
        "{stalled:?}"
    );
}

/// By the service's times or ours, whatever is less: both may count more than the job itself.
#[test]
fn what_is_learned_of_a_job_that_ended() {
    let learned = |took: Option<Duration>, wish: Wish, ended: u32| {
        let mut desk = Desk::new();
        for _ in 0..32 {
            // Seen to go on before, as our own clock says nothing of a job that was over when it was first seen.
            let at_once = Wish {
                at_once: true,
                ..wish.clone()
            };
            desk.watch(0, 1, at_once);
            desk.look(0, goes_on(1));
            let (slot, ..) = desk.book.take_due(100 * SECOND).unwrap();
            let (habits, rng) = (&mut desk.habits, &mut desk.rng);
            let look = over("kind", took);
            let told = desk.book.looked(ended * SECOND, slot, look, habits, rng);
            assert_eq!(told.end, Some(End::Over));
        }
        let usual = desk.habits.usual("kind", &Polling::default());
        (usual.begin.as_secs_f64() * 36.0 - 40.0) / 32.0
    };
    let near = |learned: f64, seconds: f64| (learned - seconds).abs() < 0.01;
    assert!(near(learned(Some(20 * SECOND), new(0), 30), 20.0));
    assert!(near(learned(Some(50 * SECOND), new(0), 30), 30.0));
    assert!(near(learned(None, new(0), 30), 30.0));
    assert!(near(learned(Some(20 * SECOND), wish(), 30), 20.0));
    // Nobody knows when it began: nothing is learned, and what was assumed stays.
    assert!(near(learned(None, wish(), 30), 10.0));
}

/// Of a job that was found the kind is known with the first sight, and with it when such jobs end.
#[test]
fn the_kind_that_is_seen_counts() {
    let next = |learned: &str| {
        let mut desk = Desk::new();
        for _ in 0..32 {
            desk.habits.learn(learned, 100 * SECOND);
        }
        desk.watch(0, 1, wish());
        let mut look = goes_on(1);
        look.sight.as_mut().unwrap().kind = Some("slow".to_owned());
        desk.look(0, look);
        desk.due().unwrap()
    };
    assert!(next("slow") > 60.0);
    assert!(next("other") < 12.0);
}
