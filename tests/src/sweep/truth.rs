//! The real events, as far as reports are compared with them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::model::{Job, JobId, JobStatus, Operation as _, ServerId, ShowJob};
use ecs_sim::{Action, Asked, Fault, Received, ShownJob, SimTransport, Trace};
use secrecy::ExposeSecret as _;

/// The time for which a newly accepted job may be unknown to queries.
const NEW: Duration = Duration::from_secs(60);

/// The region's own record.
pub(super) struct Truth {
    /// The jobs of each accepted server, in order.
    pub(super) jobs: HashMap<ServerId, Vec<JobId>>,
    /// The end of each server in each job.
    pub(super) ends: HashMap<(JobId, ServerId), JobStatus>,
    /// The action of each job.
    pub(super) actions: HashMap<JobId, Action>,
    /// The beginning of the exchange that made each job.
    pub(super) made: HashMap<JobId, Duration>,
    /// The end of each job, and its number of servers.
    pub(super) statuses: HashMap<JobId, (Option<JobStatus>, usize)>,
    /// The exchanges that requested an action on each server, by index.
    pub(super) sent: HashMap<ServerId, Vec<usize>>,
    /// The jobs that the service called unknown, with the times.
    pub(super) disowned: HashMap<JobId, Vec<Duration>>,
    /// Jobs that were reported as unknown when they were no longer new: for a minute an unknown job
    /// may just be new, unless it was shown before.
    pub(super) lost: HashSet<JobId>,
    /// The states of each job that the client was shown, in order, with their times.
    pub(super) shown: HashMap<JobId, Vec<(Duration, ShownJob)>>,
}

impl Truth {
    pub(super) fn ask(sim: &SimTransport, trace: &Trace) -> Self {
        let mut truth = Self {
            jobs: HashMap::new(),
            ends: HashMap::new(),
            statuses: HashMap::new(),
            sent: HashMap::new(),
            actions: HashMap::new(),
            made: HashMap::new(),
            disowned: HashMap::new(),
            lost: HashSet::new(),
            shown: HashMap::new(),
        };
        sim.region().with(|region| {
            let entries = region.accepted().entries().to_vec();
            // By then every job is over, and none is forgotten.
            let mut later = region.now() + Duration::from_secs(7200);
            let identity = region.identity().clone();
            for entry in entries {
                let mut request = ShowJob::new(entry.job_id.clone()).encode(&identity.project_id);
                if let Ok(token) = identity.token.expose_secret().parse() {
                    request.headers_mut().insert("x-auth-token", token);
                }
                // Slower than any limit of queries.
                later += Duration::from_secs(3);
                let status = truth.read(&entry.job_id, &region.handle(&request, later));
                let known = (status, entry.servers.len());
                truth.statuses.insert(entry.job_id.clone(), known);
                truth.actions.insert(entry.job_id.clone(), entry.action);
                for id in entry.servers {
                    let jobs = truth.jobs.entry(id).or_default();
                    jobs.push(entry.job_id.clone());
                }
            }
        });
        truth.read_trace(trace);
        truth
    }

    fn read_trace(&mut self, trace: &Trace) {
        let mut made = HashMap::new();
        for (index, exchange) in trace.exchanges.iter().enumerate() {
            if let (Some(job), Some(arrived)) = (&exchange.accepted, exchange.arrived) {
                made.insert(job, arrived);
                self.made.insert(job.clone(), exchange.begun);
            }
            match &exchange.asked {
                Asked::Action(servers) => {
                    for id in servers {
                        self.sent.entry(*id).or_default().push(index);
                    }
                }
                Asked::Job(job) if exchange.fault == Some(Fault::UnknownJob) => {
                    if let Some((at, _)) = exchange.ended {
                        self.disowned.entry(job.clone()).or_default().push(at);
                    }
                    let age = exchange.ended.zip(made.get(job));
                    let old = age.is_some_and(|((ended, _), made)| ended - *made >= NEW);
                    if old || self.shown.contains_key(job) {
                        self.lost.insert(job.clone());
                    }
                }
                Asked::Job(job) => {
                    if let (Some(shown), Some((at, Received::Answer(_)))) =
                        (&exchange.shown_job, exchange.ended)
                    {
                        let shown = (at, shown.clone());
                        self.shown.entry(job.clone()).or_default().push(shown);
                    }
                }
                _ => {}
            }
        }
    }

    /// Returns what the client was shown of a job.
    pub(super) fn shown(&self, job: &JobId) -> impl Iterator<Item = &ShownJob> {
        let shown = self.shown.get(job).map_or(&[][..], Vec::as_slice);
        shown.iter().map(|(_, shown)| shown)
    }

    /// Returns the jobs of a server whose requests began before this time.
    pub(super) fn jobs_until(&self, id: &ServerId, until: Duration) -> Vec<&JobId> {
        let jobs = self.jobs.get(id).into_iter().flatten();
        let made = |job: &&JobId| self.made.get(*job).is_none_or(|made| *made < until);
        jobs.filter(made).collect()
    }

    /// Returns the end of a server in a job.
    pub(super) fn end(&self, job: &JobId, id: &ServerId) -> Option<&JobStatus> {
        self.ends.get(&(job.clone(), *id))
    }

    fn read(&mut self, job_id: &JobId, shown: &http::Response<Bytes>) -> Option<JobStatus> {
        let job: Job = ShowJob::decode(shown.status(), shown.headers(), shown.body()).ok()?;
        let entities = job.entities;
        for sub in entities
            .and_then(|entities| entities.sub_jobs)
            .unwrap_or_default()
        {
            let server = sub.entities.and_then(|entities| entities.server_id);
            if let (Some(server), Some(status)) = (server, sub.status) {
                self.ends.insert((job_id.clone(), server), status);
            }
        }
        job.status
    }
}
