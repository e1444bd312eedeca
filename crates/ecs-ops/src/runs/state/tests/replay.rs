//! The state of a run and the state that its records add up to are one, after each step.

mod settings;

use ecs_model::ServerId;
use jiff::Timestamp;
use proptest::prelude::*;

use self::settings::{Settings, settings};
use super::*;

use crate::fleet::{Unready, UnreadyServer, WaveRecheck};
use crate::journal::{
    Entry, ErrorRecord, KnownJob, Ledger, OutcomeRecord, Record, Recovered, RollingRecord,
    RunRecord,
};
use crate::report::Report;
use crate::rolling::{AfterCanary, CountOrPercent, Rolling, Rules, WaveAction, WaveEvent};

/// A run that is played, with the records of its journal.
struct Played {
    state: RunState,
    records: Vec<Record>,
    given: Vec<usize>,
    /// The requests that were answered.
    answered: HashSet<usize>,
}

fn at() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

impl Played {
    fn new(settings: Settings) -> Self {
        let ids = settings.ids();
        let (endpoint, project) = ("https://ecs.example", "p1".parse().unwrap());
        let action = PowerAction::Reboot(RebootType::Soft);
        let mut run = RunRecord::new(
            "run",
            &endpoint.parse().unwrap(),
            project,
            action,
            ids.clone(),
        );
        let rolling = settings.rolling();
        run.rolling = rolling
            .as_ref()
            .map(|rolling| RollingRecord::new(rolling.waves().to_vec(), rolling.rules()));
        let plan = settings.plan(&ids, rolling.as_ref());
        let mut state = RunState::new("run".to_owned(), ids, plan, settings.options(rolling));
        if settings.verify {
            state.enable_verification();
        }
        Self {
            state,
            records: vec![Record::Run(Box::new(run))],
            given: Vec::new(),
            answered: HashSet::new(),
        }
    }

    /// Takes the next request, as its submission records it.
    fn submit(&mut self) {
        let Some(index) = self.state.next_request() else {
            return;
        };
        self.given.push(index);
        self.records.push(Record::Intent {
            request: index + 1,
            attempt: 1,
            purpose: self.state.purpose(index),
            servers: self.state.servers(index).to_vec(),
        });
        self.records.push(Record::Sending {
            request: index + 1,
            attempt: 1,
            remote: None,
        });
    }

    /// Takes the next step of the waves, as the driver records it. A health check passes unless
    /// this is odd.
    fn advance_waves(&mut self, number: usize) {
        let healthy = number.is_multiple_of(2);
        let (record, event) = match self.state.next_action() {
            Some(WaveAction::Recheck { wave }) => return self.recheck(wave, number),
            Some(WaveAction::Start { wave }) => {
                (Record::WaveBegan { wave }, WaveEvent::Began { wave })
            }
            Some(WaveAction::CheckHealth { wave }) => {
                let (message, event) = if healthy {
                    (None, WaveEvent::Healthy)
                } else {
                    (
                        Some("bad".to_owned()),
                        WaveEvent::Unhealthy("bad".to_owned()),
                    )
                };
                let record = Record::WaveChecked {
                    wave,
                    healthy,
                    message,
                };
                (record, event)
            }
            Some(WaveAction::Ask) => {
                let proceed = healthy;
                (Record::Answered { proceed }, WaveEvent::Answered(proceed))
            }
            Some(WaveAction::Stop(reason)) => return self.state.stop_rolling(&reason),
            _ => return,
        };
        self.records.push(record);
        self.state.advance_waves(event);
    }

    /// Reads the servers of a wave, of which the first ones are not ready.
    fn recheck(&mut self, wave: usize, number: usize) {
        let to_read = self.state.wave_to_read(wave).unwrap();
        let unready = to_read.servers.iter().take(number.saturating_sub(3));
        let unready = unready.map(|id| UnreadyServer::new(*id, None, Unready::Locked));
        let rechecked = Rechecked {
            wave,
            unready: unready.collect(),
            skipped: to_read.recheck.skips(),
            failure: (number == 0).then(|| Problem::new("no answer")),
        };
        self.records.extend(rechecked.record());
        let events = self.state.wave_rechecked(rechecked);
        let decided = self.state.conclude(events);
        self.records.extend(decided.records);
    }

    fn answer(&mut self, index: usize, submission: Submission) -> Vec<Event> {
        let job_id = format!("job-{index}");
        let refused = |classification, code, stop_cause| failure(classification, code, stop_cause);
        let failure = match submission {
            Submission::Accepted => {
                self.records.push(Record::Accepted {
                    request: index + 1,
                    job_id: job_id.parse().unwrap(),
                    request_id: None,
                });
                let accepted = self.state.accepted(accepted_as(index, &job_id));
                return accepted.into_iter().collect();
            }
            Submission::Ended(classification) => refused(classification, None, StopCause::GaveUp),
            Submission::Withdrawn(classification) => {
                refused(classification, None, StopCause::Withdrawn)
            }
            Submission::RefusedWith(code) => {
                refused(Classification::Refused, Some(code), StopCause::GaveUp)
            }
        };
        let (request, error) = (index + 1, ErrorRecord::from(failure.problem()));
        self.records
            .push(if failure.classification().proves_not_executed() {
                Record::NotExecuted {
                    request,
                    throttled: false,
                    retry_after_ms: None,
                    error,
                }
            } else {
                Record::AnswerLost { request, error }
            });
        self.state.not_accepted(index, failure)
    }

    fn step(&mut self, which: prop::sample::Index, fact: &Fact) {
        self.advance_waves(which.index(8));
        self.submit();
        if self.given.is_empty() {
            return;
        }
        let index = *which.get(&self.given);
        let members = self.state.servers(index).to_vec();
        let events = match fact {
            Fact::Submission(_) if !self.answered.insert(index) => return,
            Fact::Submission(submission) => self.answer(index, *submission),
            Fact::Look { status, subs } => {
                let subs = subs.iter();
                let subs: Vec<_> = subs
                    .filter_map(|(number, status)| Some((*members.get(*number)?, *status)))
                    .collect();
                let over = matches!(*status, "SUCCESS" | "FAIL");
                self.state.polled(index, &job(status, &subs), over)
            }
            Fact::Evidence { shows, last } => {
                let shows: Vec<_> = shows.iter().cycle().take(members.len()).copied().collect();
                let (before, now) = snapshots(&members, &shows);
                let sent = SentTimes {
                    then: Some(at()),
                    now: Some(at()),
                };
                self.state
                    .reconcile(index, &before, Ok(&now), sent, stage(*last))
            }
            Fact::Settle { shows } => {
                let unverified: Vec<ServerId> = self.state.unverified().copied().collect();
                let kinds: Vec<Shows> = shows.iter().map(|(shows, _)| *shows).collect();
                let (_, now) = snapshots(&unverified, &kinds);
                let minute = Duration::from_secs(60);
                let is_last = shows.iter().any(|(_, last)| *last);
                let age = |_: &ServerId| Some(if is_last { minute } else { minute / 2 });
                self.state.verify(Ok(&now), age, minute, |_| Duration::ZERO)
            }
            Fact::Lost => self.state.lost(index, Problem::new("lost")),
            Fact::Denied => {
                self.state.denied(Problem::new("denied"));
                Vec::new()
            }
        };
        let decided = self.state.conclude(events);
        self.records.extend(decided.records);
    }

    fn recovered(&self) -> Recovered {
        let entries = (0..).zip(&self.records);
        let entries = entries.map(|(seq, record)| Entry::new(seq, at(), record.clone()));
        Recovered::from_entries(entries).unwrap()
    }

    fn close(self) -> Report {
        closed(self.state)
    }
}

/// The report of a run that ends now; what is being submitted was sent.
fn closed(state: RunState) -> Report {
    state.close(None, true, |_| {
        SubmissionOutcome::Unknown(Problem::new("sent"))
    })
}

/// The contents of a ledger: the jobs, each server, and soft restarts. Of servers that are
/// `queued` again a journal has the reason, which a live run has not as an outcome.
fn entries_of(
    ledger: &Ledger,
    queued: &HashSet<ServerId>,
) -> (Vec<String>, Vec<OutcomeRecord>, Vec<OutcomeRecord>) {
    let jobs = ledger.jobs.iter().map(|job| {
        let KnownJob {
            job_id,
            request,
            servers,
            accepted,
            finished,
            ..
        } = job;
        format!("{job_id} {request} {servers} {accepted} {finished}")
    });
    // The outcomes as records have them: with less of an error.
    let records = |outcomes: Vec<(&ServerId, &Outcome)>| {
        let is_queued = |id: &ServerId, outcome: &Outcome| {
            queued.contains(id) && matches!(outcome, Outcome::NotAttempted { .. })
        };
        let outcomes = outcomes
            .into_iter()
            .filter(|(id, outcome)| !is_queued(id, outcome));
        let record = |(id, outcome): (&ServerId, &Outcome)| {
            OutcomeRecord::of(&ServerReport::new(*id, outcome.clone()))
        };
        let mut records: Vec<_> = outcomes.filter_map(record).collect();
        records.sort_by_key(|record| record.id);
        records
    };
    (
        jobs.collect(),
        records(ledger.outcomes.iter().collect()),
        records(ledger.soft_outcomes.iter().collect()),
    )
}

/// The contents of a report: each server, and the jobs.
fn facts_of(report: &Report) -> (Vec<String>, Vec<String>) {
    let server = |server: &crate::ServerReport| {
        let (outcome, hard) = (&server.outcome, server.escalated.is_some());
        format!(
            "{} {} {:?} {hard}",
            server.id,
            outcome.name(),
            outcome.job_id()
        )
    };
    let jobs = report
        .jobs
        .iter()
        .map(|job| format!("{} {}", job.job_id, job.servers));
    (report.servers.iter().map(server).collect(), jobs.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    /// After each step of any run: its ledger is what its records add up to. The report of the run
    /// that ends there, the report by its journal, and the report of a run that is resumed from it
    /// and sends nothing are the same. So is what may be sent.
    #[test]
    fn replaying_the_records_gives_the_state_of_the_run(
        settings in settings(),
        facts in prop::collection::vec((any::<prop::sample::Index>(), facts()), 0..25),
    ) {
        for steps in 0..=facts.len() {
            let mut played = Played::new(settings);
            for (which, fact) in &facts[..steps] {
                played.step(*which, fact);
            }
            let recovered = played.recovered();
            // A server that was not ready has its reason until the stop empties the queue.
            let queued = played.state.unsent().into_iter();
            let queued: HashSet<_> = queued
                .filter(|id| played.state.ledger.outcomes.get(id).is_none())
                .collect();
            let live = entries_of(&played.state.ledger, &HashSet::new());
            prop_assert_eq!(live, entries_of(recovered.ledger(), &queued), "after {} steps", steps);
            let (unsent, escalating) = (recovered.unsent(), recovered.escalating());
            for id in played.state.unsent() {
                let is_hard = played.state.ledger.soft_outcomes.contains_key(&id);
                let is_second = matches!(played.state.resubmitted.get(&id), Some(Some(_)));
                let listed = if is_hard { &escalating } else { &unsent };
                prop_assert!(is_second || listed.contains(&id), "{id} is to be sent after {steps} steps");
            }
            // The waves of the run have left servers behind that a resumed one sends.
            let next = played.state.next_action().map(|next| match next {
                WaveAction::Recheck { wave } => WaveAction::Start { wave },
                next => next,
            });
            let mut rolling = recovered.rolling();
            let recorded = rolling.as_ref().map(Rolling::action);
            if let Some(rolling) = &mut rolling {
                rolling.on(recovered.resumption());
            }
            let plan = settings.plan(&unsent, rolling.as_ref());
            let (resumed, _) = RunState::resumed(plan, &recovered, settings.options(rolling));
            let outcomes = &played.state.ledger.outcomes;
            let leaves = outcomes
                .iter()
                .any(|(_, outcome)| matches!(outcome, Outcome::NotAttempted { .. }));
            prop_assert!(leaves || recorded == next, "{recorded:?}, {next:?} after {steps} steps");
            let live = facts_of(&played.close());
            prop_assert_eq!(&live, &facts_of(&recovered.report()), "the journal after {} steps", steps);
            prop_assert_eq!(&live, &facts_of(&closed(resumed)), "resumed after {} steps", steps);
        }
    }
}
