//! A run that goes in waves, keeps a journal, dies, and is resumed by another process.

use std::fmt;
use std::future::IntoFuture as _;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecs_ops::fleet::WaveRecheck;
use ecs_ops::journal::{Entry, MemoryJournal, Record, Recovered};
use ecs_ops::model::ServerId;
use ecs_ops::rolling::{AfterCanary, Waves};
use ecs_ops::{Event, OnUnknown, Report, RunBuilder};
use rand::RngExt as _;
use tokio::time::sleep;

use super::extras::{Extras, LifePlan, Recheck, WavePlan};
use super::{FOR_EVER, Played, World, at};
use crate::death::{DyingJournal, Process};

/// The result of a run with several lives.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Lived {
    /// Its planned waves.
    pub waves: Vec<Vec<ServerId>>,
    /// Its processes.
    pub lives: Vec<Life>,
    /// Its health checks and questions between waves.
    pub gates: Vec<Gate>,
    /// Its journal, without the random id.
    pub entries: Vec<Entry>,
    /// The reason why the journal is unreadable.
    pub unreadable: Option<String>,
}

/// A process that worked on a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Life {
    /// The run as seen from outside.
    pub played: Played,
    /// All of its events, with their times.
    pub events: Vec<(Duration, Event)>,
    /// Its records in the journal.
    pub wrote: Range<usize>,
}

/// A health check, or a question.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Gate {
    /// The servers whose health was checked; `None` for the question after the canary.
    pub servers: Option<Vec<ServerId>>,
    /// The time at which it began.
    pub begun: Duration,
    /// The time and the sign of the answer; `None` if nobody waited for it.
    pub answered: Option<(Duration, bool)>,
}

/// Displays what happened between the exchanges.
impl fmt::Display for Lived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, wave) in self.waves.iter().enumerate() {
            let ids: Vec<_> = wave.iter().map(|id| format!("{id:.8}")).collect();
            writeln!(f, "wave {index}: {}", ids.join(" "))?;
        }
        for gate in &self.gates {
            let first = gate.servers.iter().flatten().next();
            let (begun, answered) = (gate.begun, gate.answered);
            writeln!(f, "{begun:>10.3?}  gate {first:?}: {answered:?}")?;
        }
        for (index, life) in self.lives.iter().enumerate() {
            for (at, event) in &life.events {
                writeln!(f, "{at:>10.3?}  life {index} said {event:?}")?;
            }
            for entry in self.entries.get(life.wrote.clone()).unwrap_or_default() {
                writeln!(f, "life {index} wrote {:?}", entry.record)?;
            }
        }
        Ok(())
    }
}

type Gates = Arc<Mutex<Vec<Gate>>>;

fn lock(gates: &Gates) -> MutexGuard<'_, Vec<Gate>> {
    gates.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plays all lives of a run.
pub(super) async fn play_lives(
    world: &World<'_>,
    extras: &Extras,
    servers: Vec<ServerId>,
) -> Result<Lived, ecs_ops::Error> {
    let waves = match &extras.waves {
        Some(plan) => plan.waves(&servers)?.waves,
        // Checks of servers cover all of them.
        None => vec![servers.clone()],
    };
    let mut lived = Lived {
        waves,
        lives: Vec::new(),
        gates: Vec::new(),
        entries: Vec::new(),
        unreadable: None,
    };
    let memory = Arc::new(MemoryJournal::default());
    let gates = Gates::default();
    let answers = Arc::new(Mutex::new(Extras::answers(world.seed)));
    for (index, plan) in extras.lives.iter().enumerate() {
        sleep(match index {
            0 => plan.plan.starts_after,
            _ => plan.after,
        })
        .await;
        let process = Process::new(plan.death);
        let client = world.client(Some(&process))?;
        let journal = DyingJournal::new(&process, &memory).keep(world.subject.kept());
        let before = memory.entries();
        let run = if before.is_empty() {
            // The journal has no record, so nothing was sent.
            let run = client.run(plan.plan.action, servers.clone());
            let run = first(world, extras, plan, run, &servers)?;
            if extras.journal {
                run.journal(journal)
            } else {
                run
            }
        } else {
            match Recovered::from_entries(before.iter().cloned()) {
                Ok(recovered) => client.resume(journal, recovered)?.continue_stopped(),
                Err(error) => {
                    lived.unreadable = Some(format!("{error:?}"));
                    break;
                }
            }
        };
        let run = run
            .on_unknown(OnUnknown::of(plan.plan.reconcile, plan.resubmit))
            .traces(client.clone());
        let run = match plan.plan.deadline {
            Some(deadline) => run.deadline(deadline),
            None => run,
        };
        let run = match &extras.waves {
            Some(waves) => gated(world, waves, run, &gates, &answers),
            None => run,
        };
        let mut life = play(world, plan, run, &process, servers.clone()).await?;
        life.wrote = before.len()..memory.entries().len();
        if let Some(last) = lived.lives.last_mut() {
            last.played.until = life.played.began;
        }
        lived.lives.push(life);
    }
    lived.gates = lock(&gates).clone();
    lived.entries = memory.entries();
    let read = Recovered::from_entries(lived.entries.iter().cloned());
    if let (Err(error), false) = (read, lived.entries.is_empty()) {
        lived.unreadable.get_or_insert(format!("{error:?}"));
    }
    if let Some(Record::Run(run)) = lived.entries.first_mut().map(|entry| &mut entry.record) {
        run.run_id.clear();
    }
    Ok(lived)
}

/// Returns the run that begins; a resumed one has its settings from the journal.
fn first(
    world: &World<'_>,
    extras: &Extras,
    plan: &LifePlan,
    run: RunBuilder,
    servers: &[ServerId],
) -> Result<RunBuilder, ecs_ops::Error> {
    let mut run = run.batch_size(plan.plan.batch_size);
    if !plan.plan.wait {
        run = run.no_wait();
    }
    let run = match plan.plan.stalled_after {
        Some(stall_limit) => run.stalled_after(stall_limit),
        None => run,
    };
    let run = match extras.verify {
        Some(within) if plan.plan.wait => run.verify(within),
        _ => run,
    };
    let run = match extras.escalate_after {
        Some(after) => run.escalate_after(after),
        None => run,
    };
    let Some(waves) = &extras.waves else {
        return Ok(run);
    };
    let (planned, rules) = world.subject.rolling(waves.waves(servers)?, waves.rules);
    let run = run.rolling(planned, rules);
    let recheck = match waves.recheck {
        None => return Ok(run),
        Some(Recheck::Skip) => WaveRecheck::skip(),
        Some(Recheck::Stop) => WaveRecheck::stop(),
    };
    let now = world.epoch.checked_add(world.sim.now());
    Ok(run.recheck_waves(recheck.since(now.unwrap_or(world.epoch))))
}

/// Adds a health check and a question with drawn answers.
fn gated(
    world: &World<'_>,
    plan: &WavePlan,
    run: RunBuilder,
    gates: &Gates,
    answers: &Arc<Mutex<rand_chacha::ChaCha8Rng>>,
) -> RunBuilder {
    let (gates, answers, sim) = (Arc::clone(gates), Arc::clone(answers), world.sim.clone());
    let (no, within) = (plan.no, plan.health.unwrap_or_default());
    let ask = move |servers: Option<Vec<ServerId>>| {
        let (gates, sim) = (Arc::clone(&gates), sim.clone());
        let (good, share) = {
            let mut rng = answers.lock().unwrap_or_else(PoisonError::into_inner);
            // Sometimes it exceeds its time limit.
            let slow = rng.random_bool(no / 2.0);
            let share = rng.random_range(0.0..0.9) + if slow { 0.6 } else { 0.0 };
            (!rng.random_bool(no), share)
        };
        async move {
            let place = {
                let mut gates = lock(&gates);
                gates.push(Gate {
                    servers,
                    begun: sim.now(),
                    answered: None,
                });
                gates.len() - 1
            };
            sleep(within.mul_f64(share)).await;
            if let Some(gate) = lock(&gates).get_mut(place) {
                gate.answered = Some((sim.now(), good));
            }
            good
        }
    };
    let no_waves = Waves::of(Vec::new());
    let (_, rules) = world.subject.rolling(no_waves, plan.rules);
    let run = if rules.canary == Some(AfterCanary::Ask) {
        let question = ask.clone();
        run.canary_question(move || question(None))
    } else {
        run
    };
    if plan.health.is_none() {
        return run;
    }
    let heeds = world.subject.heeds_health();
    run.health_check("a draw", within, move |servers| {
        let asked = ask(Some(servers));
        async move {
            if asked.await || !heeds {
                Ok(())
            } else {
                Err("drawn to be ill".to_owned())
            }
        }
    })
}

/// Plays one life to its end.
async fn play(
    world: &World<'_>,
    plan: &LifePlan,
    run: RunBuilder,
    process: &Process,
    servers: Vec<ServerId>,
) -> Result<Life, ecs_ops::Error> {
    let began = world.sim.now();
    let mut emitted = Vec::new();
    let whole = async {
        let run = run.begin().await?;
        let mut events = run.events();
        let control = run.control();
        let disturbance = async {
            at(plan.plan.stop).await;
            control.stop_submitting();
            std::future::pending::<()>().await;
        };
        let end = async {
            at(plan.plan.end).await;
            control.end();
            std::future::pending::<()>().await;
        };
        let listening = async {
            while let Some(event) = events.next().await {
                // Its id is random.
                if !matches!(event, Event::Planned { .. }) {
                    emitted.push((world.sim.now(), event));
                }
            }
            std::future::pending::<()>().await;
        };
        let report = tokio::select! {
            biased;
            () = listening => None,
            () = disturbance => None,
            () = end => None,
            report = run.into_future() => Some(report),
        };
        let rest = std::iter::from_fn(|| events.try_next());
        emitted.extend(rest.map(|event| (world.sim.now(), event)));
        emitted.retain(|(_, event)| !matches!(event, Event::Planned { .. }));
        Ok::<Option<Report>, ecs_ops::Error>(report)
    };
    let (report, died, endless) = tokio::select! {
        biased;
        () = process.dead.notified() => (None, true, false),
        () = process.expire() => (None, true, false),
        () = at(plan.plan.dropped) => (None, true, false),
        () = sleep(FOR_EVER) => (None, false, true),
        report = whole => (report?, false, false),
    };
    let done = emitted.iter().filter_map(|(_, event)| match event {
        Event::ServerDone(server) => Some(server.clone()),
        _ => None,
    });
    let mut played = Played {
        servers,
        began,
        ended: world.sim.now(),
        until: Duration::MAX,
        report,
        events: done.collect(),
        died,
        endless,
    };
    if let Some(report) = &mut played.report {
        report.run_id.clear();
        world.subject.report(report);
    }
    Ok(Life {
        played,
        events: emitted,
        wrote: 0..0,
    })
}
