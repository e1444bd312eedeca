//! The time axis of the page. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::render::timeline::Span;

/// The part of the width that a shortened gap takes.
const GAP: f64 = 0.03;
/// The part of the width above which a gap is shortened.
const LONG: f64 = 0.06;
/// The part of the width that all gaps may take.
const ALL_GAPS: f64 = 0.3;

/// The times of a run on a width from 0 to 1. Long gaps between two processes are shortened.
#[derive(Debug)]
pub(super) struct Axis {
    /// The parts with their beginnings and ends on the page, which are adjacent.
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) time: Span,
    pub(super) from: f64,
    pub(super) until: f64,
    /// `true` if the part is a shortened gap.
    pub(super) is_cut: bool,
}

/// A labelled time of the axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tick {
    /// From 0 to 1.
    pub(super) place: f64,
    pub(super) at: Timestamp,
    /// The time to the next label of its part.
    pub(super) apart: SignedDuration,
}

fn seconds(span: Span) -> f64 {
    span.until.duration_since(span.from).as_secs_f64().max(0.0)
}

impl Axis {
    /// Returns the axis; `gaps` are in the order of time, within the whole.
    pub(super) fn new(whole: Span, gaps: &[Span]) -> Self {
        let until = whole.until.max(whole.from);
        let whole = Span { until, ..whole };
        let long = seconds(whole) * LONG;
        let cuts = gaps.iter().filter(|gap| seconds(**gap) > long);
        let mut times = Vec::new();
        let mut at = whole.from;
        for cut in cuts {
            // The clock may be set back in between.
            let from = cut.from.clamp(at, whole.until);
            let until = cut.until.clamp(from, whole.until);
            times.push((
                Span {
                    from: at,
                    until: from,
                },
                false,
            ));
            times.push((Span { from, until }, true));
            at = until;
        }
        times.push((
            Span {
                from: at,
                until: whole.until,
            },
            false,
        ));
        let count = times.iter().filter(|(_, is_cut)| *is_cut).count();
        // There are fewer than `1 / LONG` gaps.
        let gap = GAP.min(ALL_GAPS / f64::from(u32::try_from(count).unwrap_or(u32::MAX).max(1)));
        let rest: f64 = times
            .iter()
            .filter(|(_, is_cut)| !is_cut)
            .map(|(time, _)| seconds(*time))
            .sum();
        let shown = 1.0
            - gap
                * times
                    .iter()
                    .filter(|(_, is_cut)| *is_cut)
                    .map(|_| 1.0)
                    .sum::<f64>();
        let mut from = 0.0;
        let mut part = |(time, is_cut): (Span, bool)| {
            let width = if is_cut {
                gap
            } else if rest > 0.0 {
                shown * seconds(time) / rest
            } else {
                0.0
            };
            let part = Part {
                time,
                from,
                until: from + width,
                is_cut,
            };
            from = part.until;
            part
        };
        Self {
            parts: times.into_iter().map(&mut part).collect(),
        }
    }

    /// Returns the place of a time, from 0 to 1.
    pub(super) fn at(&self, at: Timestamp) -> f64 {
        let within = |part: &&Part| at <= part.time.until;
        let Some(part) = self.parts.iter().find(within).or(self.parts.last()) else {
            return 0.0;
        };
        let whole = seconds(part.time);
        let share = if whole > 0.0 {
            at.duration_since(part.time.from).as_secs_f64() / whole
        } else {
            1.0
        };
        part.from + share.clamp(0.0, 1.0) * (part.until - part.from)
    }

    /// Returns the shortened gaps.
    pub(super) fn cuts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.is_cut)
    }

    /// Returns the labels of the axis, evenly spaced within each part.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let mut ticks = Vec::new();
        for part in self.parts.iter().filter(|part| !part.is_cut) {
            let width = part.until - part.from;
            let steps = match width {
                0.8.. => 4_u8,
                0.4.. => 2,
                0.08.. => 1,
                _ => continue,
            };
            let apart = seconds(part.time) / f64::from(steps);
            let apart = SignedDuration::try_from_secs_f64(apart).unwrap_or_default();
            for step in 0..=steps {
                let share = f64::from(step) / f64::from(steps);
                let into = SignedDuration::try_from_secs_f64(seconds(part.time) * share);
                let at = into
                    .ok()
                    .and_then(|into| part.time.from.checked_add(into).ok());
                let place = part.from + share * width;
                ticks.extend(at.map(|at| Tick { place, at, apart }));
            }
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::duration::distinguishable;

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn span(from: i64, until: i64) -> Span {
        let (from, until) = (time(from), time(until));
        Span { from, until }
    }

    #[test]
    fn a_long_gap_between_two_processes_is_shortened() {
        let axis = Axis::new(span(0, 30_200), &[span(100, 30_100)]);
        assert!((axis.at(time(100)) - 0.485).abs() < 1e-9);
        assert!((axis.at(time(30_100)) - 0.515).abs() < 1e-9);
        assert_eq!((axis.at(time(0)), axis.cuts().count()), (0.0, 1));
        // A short gap keeps its length.
        let axis = Axis::new(span(0, 100), &[span(50, 55)]);
        assert!((axis.at(time(50)) - 0.5).abs() < 1e-9 && axis.cuts().count() == 0);
        // A run without any duration.
        let axis = Axis::new(span(7, 7), &[]);
        assert!(axis.at(time(7)).is_finite());
    }

    #[test]
    fn times_are_as_precise_as_necessary() {
        let label = |since, apart| {
            let of = SignedDuration::from_millis;
            distinguishable(of(since), of(apart))
        };
        for (since, apart, expected) in [
            (0, 5, "0.00 s"),
            (38, 10, "0.04 s"),
            (2500, 1250, "2.5 s"),
            (59_960, 5000, "1 min 0.0 s"),
            (125_400, 62_000, "2 min 5 s"),
            (0, 900_000, "0 min"),
            (32_460_000, 900_000, "9 h 1 min"),
            // A short time, far from the beginning.
            (32_460_000, 2000, "9 h 1 min 0.0 s"),
            (32_460_000, 20_000, "9 h 1 min 0 s"),
            (-5, 2000, "0.0 s"),
        ] {
            assert_eq!(label(since, apart), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Labels differ at every distance of at least a hundredth of a second.
        #[test]
        fn adjacent_labels_differ(since in 0_i64..1_000_000_000, apart in 10_i64..100_000_000) {
            let of = SignedDuration::from_millis;
            let (one, next) = (distinguishable(of(since), of(apart)), distinguishable(of(since + apart), of(apart)));
            prop_assert_ne!(one, next);
        }

        /// Later times are never further left and stay on the page, even if the clock is set back.
        #[test]
        fn places_increase_with_time(
            whole in (0_i64..1000, -10_i64..100_000),
            gaps in prop::collection::vec((0_i64..100_000, -10_i64..100_000), 0..12),
            mut times in prop::collection::vec(-10_i64..210_000, 2..20),
        ) {
            let gaps: Vec<_> = gaps.into_iter().map(|(from, long)| span(from, from + long)).collect();
            let axis = Axis::new(span(whole.0, whole.0 + whole.1), &gaps);
            times.sort_unstable();
            let places: Vec<_> = times.into_iter().map(|at| axis.at(time(at))).collect();
            prop_assert!(places.iter().all(|place| (-1e-9..=1.0 + 1e-9).contains(place)), "{:?}", places);
            prop_assert!(places.is_sorted(), "{:?}", places);
            for tick in axis.ticks() {
                prop_assert!((-1e-9..=1.0 + 1e-9).contains(&tick.place));
            }
        }
    }
}
