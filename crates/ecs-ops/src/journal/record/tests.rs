use std::time::Duration;

use super::super::arbitrary_journal::{run, server, servers};
use super::*;
use crate::rolling::{AfterCanary, CountOrPercent, Rules};

#[test]
fn the_rules_of_a_rolling_run_round_trip() {
    let pause = Duration::from_millis(1500);
    for (canary, max_failures) in [
        (None, None),
        (Some(AfterCanary::Ask), Some(CountOrPercent::Count(0))),
        (
            Some(AfterCanary::Pause(pause)),
            Some(CountOrPercent::Percent(50)),
        ),
    ] {
        let rules = Rules {
            max_failures,
            pause,
            canary,
            check_health: false,
            brake: false,
        };
        let record = RollingRecord::new(vec![servers(3), vec![server(3)]], &rules);
        let max_failures =
            max_failures.map(|count_or_percent| CountOrPercent::Count(count_or_percent.of(4)));
        assert_eq!(
            record.rules(),
            Rules {
                max_failures,
                ..rules
            }
        );
    }
}

/// Journals of before do not have it, and others can.
#[test]
fn where_a_run_is_may_be_in_its_journal_or_not() {
    let bare = run(1);
    let json = serde_json::to_value(&bare).unwrap();
    assert!(json.get("target").is_none());
    assert_eq!(serde_json::from_value::<RunRecord>(json).unwrap(), bare);

    let mut target = serde_json::json!({
        "operator": null, "region": {"value": "eu-de", "origin": "OS_REGION_NAME"}, "endpoint": null,
        "account": {"kind": "access key", "origin": "the environment", "user": null, "domain": null,
            "access_key": "AKEXAMPLE", "agency": null, "agency_domain": null},
        "project": {"id": "p1", "name": null, "origin": "OS_PROJECT_ID"},
    });
    // A field that a later version adds to it is no reason to refuse it.
    target["account"]["later"] = serde_json::json!("x");
    let target: ResolvedTarget = serde_json::from_value(target).unwrap();
    let known = RunRecord {
        target: Some(target),
        ..run(1)
    };
    let json = serde_json::to_value(&known).unwrap();
    assert_eq!(json["target"]["region"]["origin"], "OS_REGION_NAME");
    assert_eq!(serde_json::from_value::<RunRecord>(json).unwrap(), known);
}

#[test]
fn the_brake_round_trips_and_is_omitted_without_one() {
    let waves = || vec![servers(3), vec![server(3)]];
    let braked = RollingRecord::new(waves(), &Rules::default().with_default_brake(4));
    let text = serde_json::to_string(&braked).unwrap();
    assert!(
        text.contains(r#""max_failures":2"#) && text.contains(r#""brake":true"#),
        "{text}"
    );
    let read: RollingRecord = serde_json::from_str(&text).unwrap();
    assert!(read.rules().brake);
    let plain = RollingRecord::new(waves(), &Rules::default());
    assert!(!serde_json::to_string(&plain).unwrap().contains("brake"));
}

/// The recheck of a wave, and its consequence for its servers.
#[test]
fn servers_that_are_skipped_before_their_wave_are_not_sent_again() {
    use super::super::arbitrary_journal::entries;
    use super::super::{Recovered, ServerProgress};
    use crate::fleet::Unready;

    let mut run = run(3);
    let rolling = RollingRecord::new(vec![servers(2), vec![server(2)]], &Rules::default());
    run.rolling = Some(rolling);
    let rechecked = |id, skipped| Record::WaveRechecked {
        wave: 0,
        unready: vec![UnreadyServer::new(id, None, Unready::Locked)],
        skipped,
        message: None,
    };
    let text = serde_json::to_string(&rechecked(server(1), true)).unwrap();
    let shown = r#"{"kind":"wave_rechecked","wave":0,"unready":[{"id":"00000000-0000-0000-0000-000000000001","why":{"reason":"locked"}}],"skipped":true}"#;
    assert_eq!(text, shown);
    let intent = |number: usize, id| Record::Intent {
        request: number,
        attempt: 1,
        purpose: Purpose::First,
        servers: vec![id],
    };
    let began = |wave| Record::WaveBegan { wave };
    let of = |records: &[Record]| {
        let first = Record::Run(Box::new(run.clone()));
        let records = std::iter::once(first).chain(records.iter().cloned());
        Recovered::from_entries(entries(records))
    };
    let skipped = [rechecked(server(1), true), began(0)];
    let recovered = of(&skipped).unwrap();
    assert_eq!(recovered.unsent(), [server(0), server(2)]);
    assert!(matches!(
        recovered.progress(server(1)),
        Some(ServerProgress::Finished(_))
    ));
    assert_eq!(recovered.waves(), [servers(1), vec![server(2)]]);
    // No job is awaited.
    let resumption = recovered.resumption();
    assert!(
        matches!(&resumption, crate::rolling::WaveEvent::Resumed { awaited, .. } if awaited.is_empty()),
        "{resumption:?}"
    );
    // Without being skipped it may be sent later.
    let stopped = of(&[rechecked(server(1), false)]).unwrap();
    assert_eq!(stopped.unsent().len(), 3);
    assert!(stopped.stopping_rule().is_some());
    // Neither is sent after it was skipped, nor skipped after it was sent.
    let sent = [&skipped[..], &[intent(1, server(1))]].concat();
    assert!(of(&sent).is_err());
    let after = [began(0), intent(1, server(1)), rechecked(server(1), true)];
    assert!(of(&after).is_err());
    // Nor is there a wave beyond the last one.
    for wave in [2, usize::MAX] {
        let mut beyond = rechecked(server(1), true);
        if let Record::WaveRechecked { wave: number, .. } = &mut beyond {
            *number = wave;
        }
        let checked = Record::WaveChecked {
            wave,
            healthy: true,
            message: None,
        };
        for record in [beyond, began(wave), checked] {
            let error = of(&[record]).unwrap_err();
            assert!(error.to_string().contains("no wave"), "{error}");
        }
    }
}
