//! The forms in which a job is shown, drawn when it is accepted.

use std::time::Duration;

use rand::RngExt;

use super::fault::Fault;
use super::plan::{Faults, JOB};
use super::shape::Shape;
use crate::seed::happens;

/// Takes precedence in this order: unknown until one time and from another on, failing, unfinished,
/// shown in unusual forms.
#[derive(Clone, Debug)]
pub(super) struct JobCourse {
    /// The index of the exchange that made the job, from which its forms are drawn.
    pub(super) index: usize,
    unknown_until: Duration,
    unknown_from: Duration,
    failing_until: Duration,
    unfinished_until: Duration,
    /// The forms, each with the time until which it applies.
    shapes: Vec<(Shape, Duration)>,
}

impl JobCourse {
    pub(super) fn draw(faults: &Faults, index: usize, servers: usize, now: Duration) -> Self {
        let mut rng = faults.rng(index, JOB);
        let mut within = |share, seconds: u64| {
            happens(&mut rng, share)
                .then(|| now + Duration::from_millis(rng.random_range(0..=seconds * 1000)))
        };
        let mut unknown_until = within(faults.jobs_unknown_at_first, 90).unwrap_or_default();
        let mut unfinished_until = within(faults.slow_jobs, 600).unwrap_or_default();
        if happens(&mut rng, faults.lost_jobs) {
            unknown_until = Duration::MAX;
        }
        let mut within = |share, seconds: u64| {
            happens(&mut rng, share)
                .then(|| now + Duration::from_millis(rng.random_range(0..=seconds * 1000)))
        };
        let unknown_from = within(faults.forgotten_jobs, 600).unwrap_or(Duration::MAX);
        let failing_until = within(faults.failing_job_queries, 120).unwrap_or_default();
        let not_over_until = within(faults.jobs_over_early, 240);
        let mut shapes = Vec::new();
        if happens(&mut rng, faults.stuck_jobs) {
            if rng.random() {
                unfinished_until = Duration::MAX
            } else {
                shapes.push((Shape::NeverOver, Duration::MAX))
            }
        }
        if let Some(until) = not_over_until {
            let until = if rng.random() { until } else { Duration::MAX };
            shapes.push((Shape::OverEarly, until));
        }
        let single = if servers == 1 { faults.flat_jobs } else { 0.0 };
        for (shape, share) in [
            (Shape::NotItemised, faults.jobs_not_itemised),
            (Shape::PartlyItemised, faults.jobs_partly_itemised),
            (Shape::Stranger, faults.jobs_with_strangers),
            (Shape::Flat, single),
            (Shape::UpperCase, faults.jobs_in_upper_case),
            (Shape::ReasonHidden, faults.jobs_hiding_reasons),
        ] {
            if happens(&mut rng, share) {
                shapes.push((shape, Duration::MAX));
            }
        }
        Self {
            index,
            unknown_until,
            unknown_from,
            failing_until,
            unfinished_until,
            shapes,
        }
    }

    pub(super) fn fault_at(&self, now: Duration) -> Option<Fault> {
        if now < self.unknown_until || now >= self.unknown_from {
            return Some(Fault::UnknownJob);
        }
        if now < self.failing_until {
            return Some(Fault::ErrorAsSuccess);
        }
        if now < self.unfinished_until {
            return Some(Fault::UnfinishedJob);
        }
        let shapes = self.shapes.iter().filter(|(_, until)| now < *until);
        let shapes: Vec<Shape> = shapes.map(|(shape, _)| *shape).collect();
        (!shapes.is_empty()).then_some(Fault::Shaped(shapes))
    }
}
