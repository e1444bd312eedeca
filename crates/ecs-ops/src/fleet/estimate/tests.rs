use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn pace() -> Pace {
    Pace {
        servers_per_minute: 1000,
        pause: Duration::ZERO,
        canary_pause: None,
        job: USUAL_JOB,
        waits: true,
    }
}

#[test]
fn a_run_takes_as_long_as_its_quota_its_jobs_and_its_pauses() {
    let waits = pace();
    let pausing = Pace {
        pause: seconds(60),
        canary_pause: Some(seconds(300)),
        ..pace()
    };
    let sending = Pace {
        waits: false,
        ..pace()
    };
    for (name, requests, waves, pace, shortest, longest) in [
        ("one request", &[100][..], &[][..], &waits, 15, 35),
        ("within the quota", &[500, 500], &[], &waits, 15, 35),
        ("over the quota", &[1000, 200], &[], &waits, 75, 95),
        (
            "thrice the quota",
            &[1000, 1000, 1000],
            &[],
            &waits,
            135,
            155,
        ),
        ("without waiting", &[1000, 200], &[], &sending, 60, 60),
        ("two waves", &[10, 10], &[1, 1], &waits, 30, 70),
        // The second wave waits for the quota of the first, not for its jobs alone.
        ("waves of the quota", &[1000, 1000], &[1, 1], &waits, 75, 95),
        ("canary", &[1, 10, 10], &[1, 1, 1], &pausing, 405, 465),
    ] {
        let estimate = Estimate::of_sizes(requests, waves, pace);
        assert_eq!(estimate.shortest, seconds(shortest), "{name}");
        assert_eq!(estimate.longest, seconds(longest), "{name}");
    }
}

#[test]
fn a_deadline_comes_before_some_waves() {
    let estimate = Estimate::of_sizes(&[10, 10, 10], &[1, 1, 1], &pace());
    assert_eq!(estimate.waves, [seconds(0), seconds(35), seconds(70)]);
    assert_eq!(estimate.first_wave_after(seconds(50)), Some(3));
    assert_eq!(estimate.first_wave_after(seconds(71)), None);
}
