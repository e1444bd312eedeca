use super::*;

#[test]
fn a_status_is_case_insensitive_and_a_misspelt_one_is_refused() {
    assert_eq!(status("active"), Ok("ACTIVE".into()));
    assert_eq!(status("Hard_Reboot"), Ok("HARD_REBOOT".into()));
    assert_eq!(
        status("actve").unwrap_err(),
        "no server can be in the status ACTVE; did you mean ACTIVE?"
    );
    assert!(
        status("on the moon")
            .unwrap_err()
            .contains("SHELVED_OFFLOADED")
    );
}

#[test]
fn ages_and_times_are_parsed() {
    assert_eq!(age("30d"), Some(Duration::from_secs(30 * 86_400)));
    assert_eq!(age("1d12h"), Some(Duration::from_secs(36 * 3_600)));
    assert_eq!(age("90s"), Some(Duration::from_secs(90)));
    for wrong in ["", "d", "3", "-1d", "1.5d", "99999999999999d", "3dd"] {
        assert_eq!(age(wrong), None, "{wrong}");
    }
    let date: Timestamp = "2026-01-31T00:00:00Z".parse().unwrap();
    assert_eq!(point_in_time("2026-01-31"), Ok(date));
    assert_eq!(point_in_time("2026-01-31T00:00:00Z"), Ok(date));
    let ago = Timestamp::now().duration_since(point_in_time("2d").unwrap());
    assert!((172_700..172_900).contains(&ago.as_secs()), "{ago:?}");
    assert!(point_in_time("yesterday").is_err());
    assert!(
        point_in_time("3000-01-01")
            .unwrap_err()
            .contains("in the future")
    );
}
