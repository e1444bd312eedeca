use super::*;

const TOKEN: &str = "a-token-of-the-tests";

fn access() -> Access {
    Access::new(&SecretString::from(TOKEN))
}

fn from(address: &str) -> IpAddr {
    address.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn only_the_token_lets_in() {
    let mut access = access();
    let (peer, now) = (from("192.0.2.1"), Instant::now());
    assert_eq!(access.check(TOKEN, peer, now), Ok(()));
    for wrong in [
        "",
        "a-token-of-the-test",
        "A-token-of-the-tests",
        "a-token-of-the-testsx",
    ] {
        assert_eq!(
            access.check(wrong, peer, now),
            Err(Refused::Wrong),
            "{wrong}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_wrong_tokens_stop_one_address_for_a_minute() {
    let mut access = access();
    let (peer, now) = (from("192.0.2.1"), Instant::now());
    for _ in 0..MOST_WRONG {
        assert_eq!(access.check("wrong", peer, now), Err(Refused::Wrong));
    }
    let later = now + Duration::from_secs(20);
    let refused = Err(Refused::TooMany(Duration::from_secs(40)));
    // The right one is refused too: otherwise an answer would reveal that it is right.
    assert_eq!(access.check(TOKEN, peer, later), refused);
    assert_eq!(
        access.check(TOKEN, from("::ffff:192.0.2.1"), later),
        refused
    );
    assert_eq!(access.check(TOKEN, from("192.0.2.2"), later), Ok(()));
    assert_eq!(access.check(TOKEN, peer, now + WINDOW), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_host_has_one_share_for_all_of_its_addresses() {
    let mut access = access();
    let now = Instant::now();
    for host in 1..=MOST_WRONG {
        let peer = from(&format!("2001:db8::{host}"));
        assert_eq!(access.check("wrong", peer, now), Err(Refused::Wrong));
    }
    let other = access.check(TOKEN, from("2001:db8:0:1::1"), now);
    assert_eq!(other, Ok(()));
    assert!(access.check(TOKEN, from("2001:db8::ffff"), now).is_err());
}

#[tokio::test(start_paused = true)]
async fn many_addresses_together_have_a_limit_and_no_more_memory() {
    let mut access = access();
    let now = Instant::now();
    for host in 0..2000_u32 {
        let peer = IpAddr::V4((0x0a00_0000 + host).into());
        let _ = access.check("wrong", peer, now);
    }
    assert_eq!(access.wrong.len(), MOST_WRONG_OF_ALL);
    assert_eq!(
        access.check(TOKEN, from("192.0.2.1"), now),
        Err(Refused::TooMany(WINDOW))
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_by_logout_and_by_time() {
    let mut access = access();
    let now = Instant::now();
    let (one, two) = (access.begin_session(now), access.begin_session(now));
    assert_ne!(one, two);
    assert!(access.has_session(&one, now) && access.has_session(&two, now));
    assert!(!access.has_session("", now) && !access.has_session(TOKEN, now));
    access.end_session(&one);
    assert!(!access.has_session(&one, now) && access.has_session(&two, now));
    assert!(!access.has_session(&two, now + SESSION));
}

#[tokio::test(start_paused = true)]
async fn sessions_are_limited() {
    let mut access = access();
    let now = Instant::now();
    let first = access.begin_session(now);
    for after in 1..=MOST_SESSIONS as u64 {
        access.begin_session(now + Duration::from_millis(after));
    }
    assert_eq!(access.sessions.len(), MOST_SESSIONS);
    assert!(!access.has_session(&first, now));
}

#[test]
fn no_secret_is_shown() {
    let shown = format!("{:?}", access());
    assert!(
        !shown.contains(TOKEN) && !shown.contains("token"),
        "{shown}"
    );
}
