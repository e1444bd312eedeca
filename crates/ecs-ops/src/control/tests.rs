use super::*;

#[tokio::test(start_paused = true)]
async fn a_stop_is_known_to_be_recorded_or_not_to_be() {
    let control = Control::new();
    control.suspend();
    assert!(!control.is_stop_asked());
    // A stop that comes after it is one anyway, and its reason stays.
    control.stop_submitting_because("cancelled by alice");
    control.end_because("and by bob");
    assert!(control.is_stop_asked());
    assert_eq!(control.level(), Level::End);
    assert_eq!(control.reason().as_deref(), Some("cancelled by alice"));

    let waiting = tokio::spawn({
        let control = control.clone();
        async move { control.recorded().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    let guard = RecordGuard(control.clone());
    control.set_recorded();
    assert!(waiting.await.unwrap());
    drop(guard);
    assert!(control.recorded().await);

    let control = Control::new();
    drop(RecordGuard(control.clone()));
    assert!(!control.recorded().await);
}
