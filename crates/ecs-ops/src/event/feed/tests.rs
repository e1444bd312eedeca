use futures_util::{FutureExt as _, StreamExt as _};

use super::*;

fn wave(wave: usize) -> Event {
    Event::CheckingHealth { wave }
}

fn unread(mut events: Events) -> Vec<Event> {
    std::iter::from_fn(|| events.try_next()).collect()
}

#[test]
fn each_reader_gets_the_events_since_it_subscribed() {
    let sink = Sink::default();
    let source = sink.source();
    let first = source.subscribe();
    sink.emit(wave(1));
    let second = source.subscribe();
    drop(source.subscribe());
    sink.emit(wave(2));
    assert_eq!(unread(first), [wave(1), wave(2)]);
    assert_eq!(unread(second), [wave(2)]);
}

#[test]
fn a_late_reader_of_kept_events_gets_all_of_them_also_after_the_end() {
    let sink = Sink::keeping();
    let source = sink.source();
    sink.emit(wave(1));
    let mut late = source.subscribe();
    sink.emit(wave(2));
    assert_eq!(late.try_next(), Some(wave(1)));
    drop(sink);
    let rest: Vec<_> = late.collect().now_or_never().expect("the run is over");
    assert_eq!(rest, [wave(2)]);
    for _ in 0..2 {
        let all: Vec<_> = source.subscribe().collect().now_or_never().unwrap();
        assert_eq!(all, [wave(1), wave(2)]);
    }
}

#[test]
fn without_kept_events_a_stream_after_the_end_is_empty() {
    let sink = Sink::default();
    let source = sink.source();
    sink.emit(wave(1));
    drop(sink);
    let mut late = source.subscribe();
    assert_eq!(late.next().now_or_never(), Some(None));
}
