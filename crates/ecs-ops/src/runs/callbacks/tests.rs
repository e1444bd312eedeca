use super::*;

fn wave() -> FinishedWave {
    FinishedWave {
        number: 1,
        waves: 1,
        servers: Vec::new(),
    }
}

/// A check that blocks the thread is not interrupted; a test can imitate that by advancing the
/// clock.
#[tokio::test(start_paused = true)]
async fn a_check_that_took_too_long_has_failed() {
    const SECOND: Duration = Duration::from_secs(1);
    for (takes, healthy) in [(SECOND / 2, true), (SECOND * 2, false)] {
        let check = HealthCheck::new("a test".to_owned(), SECOND, move |_| async move {
            tokio::time::advance(takes).await;
            Ok::<_, String>(())
        });
        let checked = check.check(wave()).await;
        assert_eq!(checked.is_ok(), healthy, "{checked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_may_fail_with_whatever_displays() {
    let check = HealthCheck::new("a test".to_owned(), Duration::from_secs(1), |_| async {
        Err(std::io::Error::other("no answer from web-04"))
    });
    assert_eq!(
        check.check(wave()).await,
        Err("no answer from web-04".to_owned())
    );
}
