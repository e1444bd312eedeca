use std::future::pending;

use futures_util::FutureExt as _;

use super::*;

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a guard that panics");
        }
    }
}

#[test]
fn a_panic_while_it_is_dropped_stays_inside() {
    // Unfinished, polled or not.
    for polls in 0..2 {
        let bomb = Bomb;
        let mut future = Contained::<u8>::new(|| {
            Box::pin(async move {
                let _bomb = bomb;
                pending().await
            })
        });
        for _ in 0..polls {
            assert_eq!((&mut future).now_or_never(), None);
        }
        drop(future);
    }
    // Its value is known by then, where it is what the future holds that panics.
    struct Answers(Bomb);
    impl Future for Answers {
        type Output = u8;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
            Poll::Ready(1)
        }
    }
    let future = Contained::new(|| Box::pin(Answers(Bomb)));
    assert_eq!(future.now_or_never(), Some(Ok(1)));
    // A local of an async block goes before its value is out.
    let future = Contained::new(|| {
        Box::pin(async {
            let _bomb = Bomb;
            1
        })
    });
    assert_eq!(future.now_or_never(), Some(Err(Panicked)));
}

#[test]
fn it_can_be_polled_after_its_end() {
    let mut future = Contained::new(|| Box::pin(async { 1 }));
    assert_eq!((&mut future).now_or_never(), Some(Ok(1)));
    assert_eq!((&mut future).now_or_never(), Some(Err(Panicked)));
}
