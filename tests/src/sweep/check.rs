//! Invariants between the accepted requests, the trace, and the reports, whatever fault occurred.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use ecs_ops::model::{JobId, ServerId};
use ecs_ops::{Report, RunBuilder, ServerReport, Stopped};
use ecs_sim::{Asked, Fault, SimTransport, Trace};

use super::Played;
use super::extras::Extras;
use super::lives::Lived;
use super::scenario::{RunPlan, Scenario};
use super::truth::Truth;

const WINDOW: Duration = Duration::from_secs(60);
/// The resolution of tokio's timers.
const TICK: Duration = Duration::from_millis(1);

mod gateways;
mod journal;
mod outages;
mod outcomes;
mod reasons;
mod twice;
mod waits;
mod waves;

/// Returns all violated invariants.
pub(super) fn violations(
    scenario: &Scenario,
    extras: Option<&Extras>,
    plans: &[&RunPlan],
    sim: &SimTransport,
    outcome: &super::Outcome,
) -> Vec<String> {
    let lived = extras.zip(outcome.lived.as_ref());
    let lived = lived.map(|(extras, lived)| ManyLives::new(extras, lived));
    let mut checker = Checker {
        scenario,
        trace: &outcome.trace,
        truth: Truth::ask(sim, &outcome.trace),
        others: scenario
            .records
            .as_ref()
            .map(|records| records.servers(sim))
            .unwrap_or_default(),
        lived,
        violations: Vec::new(),
    };
    checker.accepted_once(sim);
    if scenario.gateway.is_some() {
        checker.holds_behind_a_gateway(outcome);
        return checker.violations;
    }
    checker.paced();
    let runs = plans.iter().copied().zip(&outcome.runs);
    let lives = lived.iter().flat_map(|lived| lived.lives());
    for (plan, run) in lives.chain(runs) {
        checker.ends_in_time(plan, run);
        checker.sends_nothing_after_it_was_stopped(plan, run);
        checker.reports_each_server_once(run);
        checker.slows_down_in_an_outage(run);
        checker.events_agree_with_the_report(run);
        if let Some(report) = &run.report {
            checker.reports_its_end(plan, run, report);
        }
        // The events of a dropped run are its only output.
        let report = run.report.as_ref().map(|report| &report.servers);
        for server in report.unwrap_or(&run.events) {
            checker.reports_the_truth(plan, run, server);
        }
    }
    checker.sends_nothing_again();
    if let Some(lived) = lived {
        checker.keeps_a_journal(lived);
        checker.goes_in_waves(lived);
        checker.skips_for_good(lived);
        checker.minds_its_failures(lived);
    }
    if let Some(deadline) = scenario.wait {
        checker.waits_for_the_truth(deadline, &outcome.waited);
    }
    checker.is_quiet_at_the_end(outcome);
    checker.violations
}

/// A run with several lives.
#[derive(Clone, Copy)]
struct ManyLives<'a> {
    extras: &'a Extras,
    lived: &'a Lived,
}

impl<'a> ManyLives<'a> {
    fn new(extras: &'a Extras, lived: &'a Lived) -> Self {
        Self { extras, lived }
    }

    fn lives(self) -> impl Iterator<Item = (&'a RunPlan, &'a Played)> {
        let plans = self.extras.lives.iter().map(|life| &life.plan);
        let lives = self.lived.lives.iter().map(|life| &life.played);
        plans.zip(lives)
    }
}

struct Checker<'a> {
    scenario: &'a Scenario,
    trace: &'a Trace,
    truth: Truth,
    /// The servers on which others acted.
    others: HashSet<ServerId>,
    lived: Option<ManyLives<'a>>,
    violations: Vec<String>,
}

impl Checker<'_> {
    /// Returns whether this run or an earlier life of it reconciled; the journal holds the result
    /// of an earlier one.
    fn reconciled(&self, plan: &RunPlan) -> bool {
        let mut lives = self.lived.into_iter().flat_map(ManyLives::lives);
        plan.reconcile || lives.any(|(plan, _)| plan.reconcile)
    }

    fn hold(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(otherwise());
        }
    }

    fn accepted_once(&mut self, sim: &SimTransport) {
        let most = sim.region().with(|region| region.accepted().most_times());
        let twice = |lived: ManyLives<'_>| lived.extras.may_act_twice();
        let allowed = if self.lived.is_some_and(twice) { 2 } else { 1 };
        self.hold(most <= allowed, || {
            format!("a server was accepted {most} times")
        });
    }

    /// Checks the accepted servers of any window, by the time of acceptance and not by the region's
    /// clock, which is set now and then. Requests that arrive after their client gave up are
    /// exempt: no client can pace them.
    fn paced(&mut self) {
        let mut taken: HashMap<Option<usize>, Vec<(Duration, usize)>> = HashMap::new();
        for exchange in &self.trace.exchanges {
            if let (Asked::Action(servers), Some(at)) = (&exchange.asked, exchange.arrived)
                && exchange.accepted.is_some()
                && !exchange.is_late()
            {
                // Another process does not know what was sent just before.
                let process = taken.entry(self.life_of(exchange)).or_default();
                process.push((at, servers.len()));
            }
        }
        for mut taken in taken.into_values() {
            taken.sort_unstable();
            self.paced_in_one_process(taken);
        }
    }

    fn paced_in_one_process(&mut self, taken: Vec<(Duration, usize)>) {
        let mut window: VecDeque<(Duration, usize)> = VecDeque::new();
        let mut sum = 0;
        for (at, servers) in taken {
            while let Some(&(first, left)) = window.front()
                && at - first >= WINDOW
            {
                sum -= left;
                window.pop_front();
            }
            window.push_back((at, servers));
            sum += servers;
            let quota = self.scenario.quota;
            self.hold(sum <= quota, || {
                format!("{sum} servers in the minute before {at:.3?}, and {quota} are allowed")
            });
        }
    }

    fn ends_in_time(&mut self, plan: &RunPlan, run: &Played) {
        let took = run.ended - run.began;
        self.hold(!run.endless, || "a run did not end".to_owned());
        for limit in [plan.deadline, plan.end].into_iter().flatten() {
            self.hold(took <= limit + TICK, || {
                format!("a run that had to end after {limit:.3?} took {took:.3?}")
            });
        }
    }

    fn sends_nothing_after_it_was_stopped(&mut self, plan: &RunPlan, run: &Played) {
        let mine: HashSet<&ServerId> = run.servers.iter().collect();
        let stopped = plan
            .stop
            .map_or(run.ended, |stop| (run.began + stop + TICK).min(run.ended));
        for exchange in &self.trace.exchanges {
            if let Asked::Action(servers) = &exchange.asked
                && servers.first().is_some_and(|first| mine.contains(first))
            {
                let begun = exchange.begun;
                // Earlier and later ones belong to other processes.
                if begun < run.began || begun >= run.until {
                    continue;
                }
                self.hold(begun <= stopped, || {
                    format!("sent at {begun:.3?} what was stopped at {stopped:.3?}")
                });
            }
        }
    }

    fn is_quiet_at_the_end(&mut self, outcome: &super::Outcome) {
        let lives = outcome.lived.iter().flat_map(|lived| &lived.lives);
        let lives = lives.map(|life| &life.played);
        let ended = lives.chain(&outcome.runs).map(|run| run.ended);
        let last = ended.max().unwrap_or_default() + outcome.waited.took;
        let begun = self.trace.exchanges.iter().map(|exchange| exchange.begun);
        let begun = begun.max().unwrap_or_default();
        self.hold(begun <= last, || {
            format!("something was sent at {begun:.3?}, and everything ended at {last:.3?}")
        });
    }

    fn denied(&self) -> bool {
        let mut faults = self.trace.exchanges.iter().map(|exchange| &exchange.fault);
        faults.any(|fault| *fault == Some(Fault::Denied))
    }

    /// Checks the reason of its end, and its jobs: each reported job once.
    fn reports_its_end(&mut self, plan: &RunPlan, run: &Played, report: &Report) {
        let reason = match &report.stopped {
            // A run that waits leaves no server running unless it was cut short.
            None => !(plan.wait && report.summary().running > 0),
            Some(Stopped::Deadline) => plan.deadline.is_some(),
            Some(Stopped::Requested { .. }) => plan.stop.or(plan.end).is_some(),
            Some(Stopped::Stalled) => {
                let default = RunBuilder::DEFAULT_STALLED_AFTER;
                run.ended - run.began >= plan.stalled_after.unwrap_or(default)
            }
            Some(Stopped::Rolling(_)) => self.lived.is_some_and(|lived| lived.stops(run)),
            _ => self.denied(),
        };
        self.hold(reason, || {
            format!("without a reason it ended as {:?}", report.stopped)
        });
        let recorded: HashSet<&JobId> = run
            .servers
            .iter()
            .flat_map(|id| self.reported_jobs_of(id, run.until))
            .collect();
        let reported: HashSet<&JobId> = report.jobs.iter().map(|job| &job.job_id).collect();
        // Others may have been found by their traces.
        let in_a_life = self.lived.is_some_and(|lived| lived.is(run));
        let found = (plan.reconcile || in_a_life) && recorded.is_subset(&reported);
        let right = (recorded == reported || found)
            && report.jobs.len() == reported.len()
            && report.jobs.iter().all(|job| {
                let known = self.truth.statuses.get(&job.job_id);
                known.is_some_and(|(_, servers)| *servers == job.servers)
            });
        self.hold(right, || {
            format!("these are not the jobs that were made: {:?}", report.jobs)
        });
    }

    /// Checks that each server ends once, with the outcome of the report.
    fn events_agree_with_the_report(&mut self, run: &Played) {
        let mut recorded = HashMap::new();
        for server in &run.events {
            let before = recorded.insert(server.id, &server.outcome);
            self.hold(before.is_none(), || format!("{} ended twice", server.id));
        }
        let reported = run.report.iter().flat_map(|report| &report.servers);
        for ServerReport { id, .. } in &run.events {
            self.hold(run.servers.contains(id), || {
                format!("{id} ended, and nobody asked for it")
            });
        }
        for ServerReport { id, outcome, .. } in reported {
            let same = recorded.get(id).is_none_or(|recorded| *recorded == outcome);
            self.hold(same, || {
                format!(
                    "{id} ended as {:?}, and the report says {outcome:?}",
                    recorded.get(id)
                )
            });
        }
    }

    fn reports_each_server_once(&mut self, run: &Played) {
        let Some(report) = &run.report else {
            return;
        };
        let reported = report.servers.iter().map(|server| &server.id);
        self.hold(reported.eq(&run.servers), || {
            "the report does not have each server once, in the order given".to_owned()
        });
    }
}
