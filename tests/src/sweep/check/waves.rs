//! Checks that a rolling run goes in waves, asks before each, and stops when too many servers fail.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ecs_ops::journal::Record;
use ecs_ops::model::ServerId;
use ecs_ops::rolling::{AfterCanary, StopReason};
use ecs_ops::{Event, Outcome, Stopped};
use ecs_sim::{Asked, Exchange};

use super::super::Played;
use super::super::lives::{Gate, Life};
use super::reasons::{is_not_sent, is_unresolved};
use super::{Checker, ManyLives};

/// The longest time after its sending at which a request of unknown outcome may be at work.
const UNRESOLVED_FOR: Duration = Duration::from_secs(180);

/// A request of a rolling run.
#[derive(Clone, Copy)]
struct Sent<'a> {
    exchange: &'a Exchange,
    servers: &'a [ServerId],
    wave: usize,
}

impl ManyLives<'_> {
    /// Returns the number of servers that may fail.
    fn allowed(self) -> Option<usize> {
        let share = self.extras.waves.as_ref()?.rules.max_failures?;
        Some(share.of(self.lived.waves.iter().map(Vec::len).sum()))
    }

    /// Returns whether a run that stopped by its own rules had a reason.
    pub(super) fn stops(self, run: &Played) -> bool {
        let report = run.report.as_ref();
        let no = |is: fn(&Gate) -> bool| {
            let mut gates = self.lived.gates.iter().filter(|gate| is(gate));
            gates.any(|gate| {
                // It may have timed out.
                let bad = gate.answered.is_none_or(|(_, good)| !good);
                bad && gate.begun >= run.began && gate.begun <= run.ended
            })
        };
        self.is(run)
            && match report.and_then(|report| report.stopped.as_ref()) {
                Some(Stopped::Rolling(StopReason::Failures { failed, allowed })) => {
                    Some(*allowed) == self.allowed() && failed > allowed
                }
                Some(Stopped::Rolling(StopReason::Unhealthy { .. })) => {
                    no(|gate| gate.servers.is_some())
                }
                Some(Stopped::Rolling(StopReason::Canary)) => {
                    let plan = self.extras.waves.as_ref();
                    plan.is_some_and(|plan| plan.canary.is_some())
                }
                Some(Stopped::Rolling(StopReason::Declined)) => no(|gate| gate.servers.is_none()),
                Some(Stopped::Rolling(
                    StopReason::NotReady { .. } | StopReason::NotRead { .. },
                )) => {
                    let plan = self.extras.waves.as_ref();
                    plan.is_some_and(|plan| plan.recheck.is_some())
                }
                _ => false,
            }
    }
}

impl Checker<'_> {
    /// Returns whether the reason says that a server's job succeeded and that the server is
    /// nevertheless not back.
    pub(super) fn is_not_back(&self, reason: &str) -> bool {
        let verified = self
            .lived
            .is_some_and(|lived| lived.extras.verify.is_some());
        verified && reason.starts_with("its job succeeded, but ")
    }

    /// Checks that each wave begins after the end of the previous one, when all checks passed.
    pub(super) fn goes_in_waves(&mut self, lived: ManyLives<'_>) {
        let mut wrong = self.wrong_waves(lived);
        let mut sent: Vec<Sent<'_>> = Vec::new();
        let mut begun = HashSet::new();
        let waves: HashMap<&ServerId, usize> = (0..)
            .zip(&lived.lived.waves)
            .flat_map(|(index, wave)| wave.iter().map(move |id| (id, index)))
            .collect();
        for exchange in &self.trace.exchanges {
            let Asked::Action(servers) = &exchange.asked else {
                continue;
            };
            let Some(wave) = servers.first().and_then(|id| waves.get(id)).copied() else {
                continue;
            };
            let now = Sent {
                exchange,
                servers,
                wave,
            };
            let at = exchange.begun;
            if servers.iter().any(|id| waves.get(id) != Some(&wave)) {
                wrong.push(format!("a request at {at:.3?} has servers of another wave"));
            }
            if let Some(before) = sent.last().filter(|before| before.wave != wave) {
                let open = sent.iter().filter(|value| value.wave != wave);
                let open = open.filter(|value| !self.is_over(value, at)).count();
                if open > 0 {
                    let waves = format!("wave {wave} began at {at:.3?}");
                    wrong.push(format!("{waves}, and {open} requests of others went on"));
                }
                wrong.extend(self.comes_too_soon(&sent, &now));
                wrong.extend(self.not_asked(before, &now, &begun, lived));
            }
            begun.insert(wave);
            sent.push(now);
        }
        self.violations.extend(wrong);
    }

    /// Checks that a server that was skipped before its wave is not sent afterwards, by any
    /// process.
    pub(super) fn skips_for_good(&mut self, lived: ManyLives<'_>) {
        let mut wrong = Vec::new();
        for life in &lived.lived.lives {
            for (at, event) in &life.events {
                let Event::WaveRechecked {
                    unready, skipped, ..
                } = event
                else {
                    continue;
                };
                for server in unready.iter().filter(|_| *skipped) {
                    let mut sent = self.sendings(&server.id, Duration::MAX);
                    if let Some(late) = sent.find(|exchange| exchange.begun >= *at) {
                        let (id, sent) = (server.id, late.begun);
                        wrong.push(format!(
                            "{id} was skipped at {at:.3?} and sent at {sent:.3?}"
                        ));
                    }
                }
            }
        }
        self.violations.extend(wrong);
    }

    /// Returns violations of the plan: waves that are too large, or that do not have each server
    /// once.
    fn wrong_waves(&self, lived: ManyLives<'_>) -> Vec<String> {
        let Some(plan) = &lived.extras.waves else {
            return Vec::new();
        };
        let (waves, mut wrong) = (&lived.lived.waves, Vec::new());
        let all: usize = waves.iter().map(Vec::len).sum();
        let distinct: HashSet<_> = waves.iter().flatten().collect();
        let asked = lived.lived.lives.first();
        let asked = asked.map_or(0, |life| life.played.servers.len());
        if (distinct.len(), all) != (asked, asked) {
            wrong.push(format!("{asked} servers are {all} in waves: {waves:?}"));
        }
        for (index, wave) in waves.iter().enumerate() {
            let most = match plan.canary {
                Some(canary) if index == 0 => canary.min(plan.most(all)),
                _ => plan.most(all),
            };
            if wave.is_empty() || wave.len() > most {
                let servers = wave.len();
                wrong.push(format!(
                    "wave {index} has {servers} servers, and may have {most}"
                ));
            }
        }
        wrong
    }

    /// Returns whether a request was over by then, as far as the client knew.
    fn is_over(&self, sent: &Sent<'_>, by: Duration) -> bool {
        let exchange = sent.exchange;
        if exchange.ended.is_none_or(|(ended, _)| ended > by) {
            return false;
        }
        let Some(job) = self.reported_job(exchange) else {
            return true;
        };
        let disowned = self.truth.disowned.get(job).into_iter().flatten();
        let disowned = disowned.into_iter().any(|at| *at <= by);
        let reported = self.truth.shown.get(job).into_iter().flatten();
        let reported = reported
            .take_while(|(at, _)| *at <= by)
            .map(|(_, message)| message);
        let is_over = |id: &ServerId| {
            let mut reported = reported.clone();
            reported.any(|message| {
                message.status.is_over()
                    || message.of(id).is_some_and(|value| value.status.is_over())
            })
        };
        disowned || sent.servers.iter().all(is_over)
    }

    /// Returns whether a request of an earlier wave, of unknown outcome, may still be at work.
    /// Listed servers may have shown that it is not.
    fn comes_too_soon(&self, sent: &[Sent<'_>], now: &Sent<'_>) -> Option<String> {
        let reconciles = |value: &Sent<'_>| {
            let life = self.life_of(value.exchange);
            let lives = self.lived.map(|lived| &lived.extras.lives);
            life.zip(lives).is_some_and(|(life, lives)| {
                lives.iter().skip(life).any(|life| life.plan.reconcile)
            })
        };
        let at = now.exchange.begun;
        let mut unresolved = sent.iter().filter(|value| {
            let exchange = value.exchange;
            let unresolved = is_unresolved(exchange) || self.was_cut(exchange);
            value.wave != now.wave && unresolved && !is_not_sent(exchange) && !reconciles(value)
        });
        let soon = unresolved.find(|value| at < value.exchange.begun + UNRESOLVED_FOR)?;
        Some(format!(
            "wave {} went on at {at:.3?}, and what was sent at {:.3?} may be at work",
            now.wave, soon.exchange.begun
        ))
    }

    /// Returns the checks that had not passed before another wave began.
    fn not_asked(
        &self,
        before: &Sent<'_>,
        now: &Sent<'_>,
        begun: &HashSet<usize>,
        lived: ManyLives<'_>,
    ) -> Option<String> {
        let plan = lived.extras.waves.as_ref()?;
        let at = now.exchange.begun;
        let after = before.exchange.ended.map(|(ended, _)| ended)?;
        let yes = |gate: &&Gate| gate.answered.is_some_and(|(when, good)| good && when <= at);
        let mut said_yes = lived.lived.gates.iter().filter(yes);
        let is_of = |gate: &Gate| {
            let servers = gate.servers.as_deref().unwrap_or_default();
            let wave = lived.lived.waves.get(before.wave);
            let mut first = servers.iter();
            let mine = first.any(|id| wave.is_some_and(|wave| wave.contains(id)));
            // A wave whose servers were all skipped has no server to name.
            let is_empty = gate.servers.is_some() && servers.is_empty();
            (mine || is_empty) && gate.begun >= after
        };
        if plan.health.is_some() && !said_yes.clone().any(is_of) {
            let wave = before.wave;
            return Some(format!(
                "went on at {at:.3?} without a health check of wave {wave}"
            ));
        }
        let asks = plan.rules.canary == Some(AfterCanary::Ask);
        if asks && now.wave > 0 && !said_yes.any(|gate| gate.servers.is_none()) {
            return Some(format!(
                "went on at {at:.3?} without a yes after the canary"
            ));
        }
        let pause = match plan.rules.canary {
            Some(AfterCanary::Pause(pause)) if begun.len() == 1 && before.wave == 0 => pause,
            _ => plan.rules.pause,
        };
        (at < after + pause).then(|| {
            format!("went on at {at:.3?}, without the pause of {pause:?} after {after:.3?}")
        })
    }

    /// Checks what was reported and done after too many failures, a stop, or a failed check.
    pub(super) fn minds_its_failures(&mut self, lived: ManyLives<'_>) {
        let mut wrong = Vec::new();
        let size = lived.lived.waves.iter().map(Vec::len).max().unwrap_or(0);
        // Servers whose failure was reported before, and those that count.
        let (mut acted, mut counted) = (HashSet::<ServerId>::new(), HashSet::new());
        for (index, life) in lived.lived.lives.iter().enumerate() {
            let new = new_failures(life, &acted);
            if let Some(allowed) = lived.allowed() {
                let last = index
                    .checked_sub(1)
                    .and_then(|value| lived.lived.lives.get(value));
                // A process that recorded its end has reported it.
                let ended = |last| {
                    let mut records = lived.records(last);
                    records.any(|record| matches!(record, Record::Ended {}))
                };
                let died = last.is_some_and(|last| last.played.died && !ended(last));
                // Servers that were not acted on come again.
                let acted_on = |id: &ServerId| acted.contains(id);
                counted.retain(acted_on);
                let stopped = last.is_some_and(announced_too_many_failures);
                if (stopped || counted.len() > allowed) && !died {
                    counted.clear();
                }
                let failed = new.iter().filter(|(_, _, acted)| *acted).count();
                if failed > allowed + size {
                    let reason = format!("{failed} servers failed in process {index}");
                    wrong.push(format!(
                        "{reason}, and {allowed} may, and a wave has {size}"
                    ));
                }
                let mut failures = new.iter().peekable();
                for (place, (at, event)) in life.events.iter().enumerate() {
                    while let Some((_, id, _)) = failures.next_if(|(when, ..)| *when <= place) {
                        counted.insert(*id);
                    }
                    if let Event::Submitting { request, .. } = event
                        && counted.len() > allowed
                    {
                        let failed = counted.len();
                        let reason = format!("batch {request} was announced at {at:.3?}");
                        wrong.push(format!(
                            "{reason}, when {failed} had failed, and {allowed} may"
                        ));
                    }
                }
            }
            let of_new = new.iter().filter(|(_, _, acted)| *acted);
            acted.extend(of_new.map(|(_, id, _)| *id));
            // Records count even if no reader received the event.
            let of_new = lived.failed(life).filter(|id| !acted.contains(id));
            let of_new: Vec<_> = of_new.collect();
            counted.extend(of_new.iter().copied());
            acted.extend(of_new);
            wrong.extend(self.sent_after_a_stop(index, life, lived));
        }
        self.violations.extend(wrong);
    }

    fn sent_after_a_stop(&self, index: usize, life: &Life, lived: ManyLives<'_>) -> Option<String> {
        let stop = |(at, event): &(Duration, Event)| {
            let stops = match event {
                Event::Stopping { .. } | Event::Answered { proceed: false } => true,
                Event::HealthChecked { healthy, .. } => !healthy,
                _ => false,
            };
            stops.then_some(*at)
        };
        let message = life.events.iter().find_map(stop);
        let in_life = |at: &Duration| (life.played.began..=life.played.ended).contains(at);
        let answers = lived.lived.gates.iter().filter_map(|gate| gate.answered);
        let no = answers.filter_map(|(at, good)| (!good).then_some(at));
        let no = no.filter(in_life).min();
        let stopped = message.into_iter().chain(no).min()?;
        let exchanges = self.trace.exchanges.iter();
        let mut mine = exchanges.filter(|exchange| self.life_of(exchange) == Some(index));
        let late = mine.find(|exchange| exchange.begun > stopped)?;
        Some(format!(
            "sent at {:.3?}, after process {index} stopped at {stopped:.3?}",
            late.begun
        ))
    }
}

/// Returns the servers whose failure a process was the first to report: the position among its
/// events, and whether it was acted on.
fn new_failures(life: &Life, known: &HashSet<ServerId>) -> Vec<(usize, ServerId, bool)> {
    // Results of earlier lives come first.
    let done = life.events.iter().find_map(|(_, event)| match event {
        Event::Resumed { done, .. } => Some(*done),
        _ => None,
    });
    let mut servers =
        life.events
            .iter()
            .enumerate()
            .filter_map(|(place, (_, event))| match event {
                Event::ServerDone(server) => Some((place, server)),
                _ => None,
            });
    if let Some(last) = done.unwrap_or(0).checked_sub(1) {
        servers.nth(last);
    }
    // A server that is skipped before its wave is no failure.
    let skipped = life.events.iter().filter_map(|(_, event)| match event {
        Event::WaveRechecked {
            unready,
            skipped: true,
            ..
        } => Some(unready),
        _ => None,
    });
    let skipped: HashSet<ServerId> = skipped.flatten().map(|server| server.id).collect();
    let failed = servers.filter(|(_, server)| {
        let good = matches!(server.outcome, Outcome::Succeeded { .. });
        !good && !known.contains(&server.id) && !skipped.contains(&server.id)
    });
    let acted = |outcome: &Outcome| !matches!(outcome, Outcome::NotAttempted { .. });
    let failed = failed.map(|(place, server)| (place, server.id, acted(&server.outcome)));
    failed.collect()
}

fn announced_too_many_failures(life: &Life) -> bool {
    let mut message = life.events.iter();
    message.any(|(_, event)| match event {
        Event::Stopping { reason, .. } => reason.contains(" not succeed, and "),
        _ => false,
    })
}
