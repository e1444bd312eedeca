use std::time::Duration;

use ecs_ops::{Event, Problem};
use proptest::prelude::*;

use super::*;

fn screen(width: usize, ascii: bool) -> Screen {
    Screen {
        width: Some(width),
        color: false,
        ascii,
    }
}

fn tally(begin: Instant) -> Tally {
    let mut tally = Tally::new(begin);
    let planned = Event::Planned {
        run_id: "r".to_owned(),
        servers: 1200,
        requests: 12,
    };
    tally.count(&planned, begin);
    let wave = Event::WaveBegan {
        wave: 5,
        waves: 12,
        servers: 100,
    };
    tally.count(&wave, begin);
    (
        tally.done,
        tally.failed,
        tally.unknown,
        tally.running,
        tally.wave_done,
    ) = (431, 71, 2, 69, 31);
    tally
}

#[test]
fn the_line_fits_three_widths() {
    let begin = Instant::now();
    let now = begin + Duration::from_secs(120);
    let mut tally = tally(begin);
    let shown = |tally: &Tally, width| line(tally, now, screen(width, true));
    assert_eq!(
        shown(&tally, 60),
        "431/1200 done, 71 failed, 2 unknown, wave 5/12: 31/100"
    );
    assert_eq!(
        shown(&tally, 100),
        "431/1200 done, 71 failed, 2 unknown, wave 5/12: 31/100, 69 running, 3 min 35 s left, 216/min"
    );
    assert_eq!(
        shown(&tally, 140),
        "[########................] 431/1200 done, 71 failed, 2 unknown, wave 5/12: 31/100, 69 running, 3 min 35 s left, 216/min, 2 min 0 s"
    );
    let throttled = Event::Throttled {
        request: 1,
        error: Problem::new("slow"),
        retry_after: Duration::from_secs(130),
    };
    tally.count(&throttled, begin);
    assert_eq!(
        shown(&tally, 60),
        "431/1200, 71 failed, 2 unknown, throttled 10 s, 69 running"
    );
    assert_eq!(
        log_line(&tally, now),
        "431 of 1200 servers done, 71 failed, 2 unknown, 69 running; wave 5 of 12; 2 min 0 s, 216/min, 3 min 35 s left"
    );
}

#[test]
fn without_unicode_no_blocks_are_drawn() {
    let begin = Instant::now();
    assert!(line(&tally(begin), begin, screen(120, true)).is_ascii());
    assert!(line(&tally(begin), begin, screen(120, false)).contains('█'));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Widths from 60 to 200 columns, for up to 100,000 servers.
    #[test]
    fn the_line_fits_every_width_and_keeps_the_counts(
        width in 60_usize..=200,
        servers in 1_usize..=100_000,
        shares in (0.0_f64..=1.0, 0.0_f64..=1.0, 0.0_f64..=1.0),
        waves in proptest::option::of((1_usize..=1000, 1_usize..=1000)),
        wait in proptest::option::of(0_u64..=100_000),
        by_quota in any::<bool>(),
        seconds in 0_u64..=100_000,
        running in 0_usize..=100_000,
        ascii in any::<bool>(),
    ) {
        let begin = Instant::now();
        let now = begin + Duration::from_secs(seconds);
        let mut tally = Tally::new(begin);
        let part = |share: f64, of: usize| ((of as f64 * share) as usize).min(of);
        tally.servers = servers;
        tally.done = part(shares.0, servers);
        tally.failed = part(shares.1, tally.done);
        tally.unknown = part(shares.2, tally.done - tally.failed);
        tally.running = running;
        tally.wave = waves;
        if let Some(wait) = wait {
            let retry_after = Duration::from_secs(wait + seconds);
            let waiting = if by_quota {
                Event::WaitingForQuota { request: 1, servers: 1, retry_after: Some(retry_after) }
            } else {
                Event::Throttled { request: 1, error: Problem::new("slow"), retry_after }
            };
            tally.count(&waiting, begin);
        }
        let line = line(&tally, now, screen(width, ascii));
        prop_assert!(width_of(&line) <= width, "{} columns: {}", width_of(&line), line);
        prop_assert!(line.contains(&format!("{}/{}", tally.done, servers)), "{}", line);
        for (count, label) in [(tally.failed, "failed"), (tally.unknown, "unknown")] {
            prop_assert_eq!(line.contains(&format!("{} {}", count, label)), count > 0, "{}", line);
        }
        if let Some(wait) = wait {
            let label = if by_quota { "quota" } else { "throttled" };
            // A wait that is over is shown by its length.
            let wait = if by_quota && wait == 0 { seconds } else { wait };
            prop_assert!(line.contains(label) && line.contains(&to_seconds(Duration::from_secs(wait))), "{}", line);
        }
    }
}
