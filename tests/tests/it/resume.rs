//! Runs that die at every write of their journal and at every request, and are resumed: enumerated,
//! not sampled.

mod checks;
mod journals;
mod lives;
mod loss;
mod refusals;
mod world;

use ecs_tests::death::{Death, When};

use lives::*;
use world::*;

#[test]
fn a_death_at_each_step_of_a_plain_run() {
    assert!(all_deaths(PLAIN) > 50);
}

#[test]
fn a_death_at_each_step_of_runs_that_are_throttled_split_and_verified() {
    all_deaths(Play { quota: 3, ..PLAIN });
    all_deaths(Play {
        missing: true,
        ..PLAIN
    });
    all_deaths(Play {
        verify: true,
        ..PLAIN
    });
}

#[test]
fn a_death_at_each_step_of_runs_that_reconcile_and_resubmit() {
    all_deaths(Play {
        reconcile: true,
        ..PLAIN
    });
    all_deaths(Play {
        reconcile: true,
        resubmit: true,
        ..PLAIN
    });
    all_deaths(Play {
        resubmit: true,
        ..PLAIN
    });
}

/// A request that never arrived: its servers show that they were not acted on, and are sent again
/// if requested.
#[test]
fn a_death_at_each_step_of_runs_that_lose_a_request() {
    let lossy = Play {
        loses_request: true,
        ..PLAIN
    };
    for (reconcile, resubmit) in [(true, false), (true, true), (false, true)] {
        for missing in [false, true] {
            all_deaths(Play {
                reconcile,
                resubmit,
                missing,
                ..lossy
            });
        }
    }
}

/// The resumed process dies, too: at each step.
#[test]
fn two_deaths() {
    let play = Play {
        missing: true,
        ..PLAIN
    };
    let (writes, _) = on_paused_time(life(play, &[]))[0];
    for first in (1..writes).step_by(3) {
        for second in 0..writes {
            let deaths = [
                Death::Write(first, When::After),
                Death::Write(second, When::Before),
            ];
            on_paused_time(life(play, &deaths));
        }
    }
}

/// Waves, with everything that can come between them.
#[test]
fn a_death_at_each_step_of_rolling_runs() {
    let rolls = |roll| Play {
        roll: Some(roll),
        ..PLAIN
    };
    assert!(all_deaths(rolls(ROLL)) > 60);
    let gates = Roll {
        gates: true,
        ..ROLL
    };
    all_deaths(rolls(gates));
    all_deaths(Play {
        quota: 3,
        ..rolls(gates)
    });
    all_deaths(Play {
        missing: true,
        ..rolls(ROLL)
    });
    all_deaths(Play {
        reconcile: true,
        verify: true,
        ..rolls(ROLL)
    });
}

/// Runs that stop by their own rules, and are resumed.
#[test]
fn a_death_at_each_step_of_rolling_runs_that_stop() {
    let failing = Roll {
        max_failures: Some(1),
        failing: &[1, 2, 4],
        ..ROLL
    };
    let unhealthy = Roll {
        gates: true,
        unhealthy: true,
        declining: true,
        ..ROLL
    };
    for roll in [failing, unhealthy] {
        all_deaths(Play {
            roll: Some(roll),
            ..PLAIN
        });
    }
}

/// Soft restarts that fail are followed by a hard one, once.
#[test]
fn a_death_at_each_step_of_runs_that_escalate() {
    let escalate = Roll {
        escalate: true,
        flaky: 0.5,
        failing: &[3],
        ..ROLL
    };
    for (verify, reconcile) in [(false, false), (true, true)] {
        all_deaths(Play {
            roll: Some(escalate),
            verify,
            reconcile,
            ..PLAIN
        });
    }
    // Nor are more of them sent together than the quota allows.
    let all_fail = Roll {
        wave: 4,
        failing: &[0, 1, 2, 3, 4, 5, 6],
        ..escalate
    };
    all_deaths(Play {
        pace: 1,
        roll: Some(all_fail),
        ..PLAIN
    });
}

/// A request of a wave is lost.
#[test]
fn a_death_at_each_step_of_rolling_runs_that_lose_a_request() {
    for (reconcile, resubmit) in [(true, false), (true, true), (false, true)] {
        all_deaths(Play {
            loses_request: true,
            reconcile,
            resubmit,
            roll: Some(ROLL),
            ..PLAIN
        });
    }
}

/// The process that resumes a rolling run dies, too.
#[test]
fn two_deaths_of_a_rolling_run() {
    let roll = Roll {
        wave: 2,
        gates: true,
        escalate: true,
        max_failures: Some(2),
        flaky: 0.3,
        ..ROLL
    };
    let play = Play {
        roll: Some(roll),
        ..PLAIN
    };
    let (writes, _) = on_paused_time(life(play, &[]))[0];
    for first in (1..writes).step_by(3) {
        for second in (0..writes).step_by(2) {
            let deaths = [
                Death::Write(first, When::After),
                Death::Write(second, When::Before),
            ];
            on_paused_time(life(play, &deaths));
        }
    }
}
