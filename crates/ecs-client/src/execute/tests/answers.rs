//! Tests of actions that something else than the service answers, or whose transport contradicts
//! itself.

use ecs_transport::{Attempt, FnTransport, TransportError};
use http::Request;

use super::*;
use crate::test_support::TOKEN;
use crate::{Classification, Endpoint};

/// Sends the action and returns its error with the number of POSTs.
async fn answered_with(step: Script) -> (RequestError, usize) {
    let log = RunJournal::default();
    let (client, seen) = client_of(vec![step], &log);
    let mut hooks = Recorder::new(&log);
    let error = send(&client, &mut hooks, &SendState::default()).await;
    (error.unwrap_err(), seen.posts())
}

/// Each page was made after the service had acted: none may cause a second sending or the claim
/// that nothing was executed.
#[tokio::test(start_paused = true)]
async fn pages_leave_the_outcome_unknown_and_name_their_maker() {
    for status in [401, 403, 404, 413, 429] {
        let headers = vec![("server", "nginx/1.22.1"), ("retry-after", "1")];
        let page = "<html><head><title>Oh no</title></head></html>".to_owned();
        let (error, posts) = answered_with(Script::AnswerWithHeaders(status, page, headers)).await;
        assert_eq!(error.classification(), Classification::Unknown, "{status}");
        assert_eq!(posts, 1, "{status}");
        assert!(!error.is_authentic());
        let message = &error.problem().message;
        let expected = format!(
            "may have been executed: not an answer of the service: HTTP {status} with an HTML page titled \"Oh no\" \
             (answered by nginx/1.22.1); sent at "
        );
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn site_redirects_name_the_address_and_are_not_followed() {
    let path = "/v1/p1/cloudservers/action";
    let table = [
        (301, format!("https://new.example{path}"), true),
        (308, format!("http://ecs.example{path}"), true),
        (302, format!("https://ecs.example:8443{path}"), true),
        // The same site, other paths, and invalid addresses.
        (302, format!("https://ECS.example:443{path}"), false),
        (302, "https://new.example/login".to_owned(), false),
        (302, format!("https://new.example{path}?next=1"), false),
        (302, path.to_owned(), false),
        (302, format!("ftp://new.example{path}"), false),
        (302, format!("https://user@new.example{path}"), false),
        (302, "::".to_owned(), false),
        (300, format!("https://new.example{path}"), false),
        // The service executed it and shows the result elsewhere.
        (303, format!("https://new.example{path}"), false),
    ];
    for (status, location, moved) in table {
        let location: &'static str = location.leak();
        let does = Script::AnswerWithHeaders(status, String::new(), vec![("location", location)]);
        let (error, posts) = answered_with(does).await;
        assert_eq!(posts, 1);
        let expected = if moved {
            Classification::NotForwarded
        } else {
            Classification::Unknown
        };
        assert_eq!(error.classification(), expected, "{status} {location}");
        let new = error.problem().moved_to().map(str::to_owned);
        assert_eq!(new.is_some(), moved, "{location}");
        if let Some(new) = new {
            let new: Endpoint = new.parse().unwrap();
            assert!(location.starts_with(&new.to_string()), "{new}");
            assert!(error.problem().message.contains("the whole site has moved"));
        }
    }
}

/// The mark was set, and the error says that nothing was sent: one of the two is wrong, and only
/// "sent" is safe.
#[tokio::test(start_paused = true)]
async fn contradictory_transports_may_have_sent() {
    use ecs_transport::TransportErrorKind::Connect;
    for (sets, classification, posts) in [
        (true, Classification::Unknown, 1),
        // An unarmed mark contradicts nothing.
        (false, Classification::NotDelivered, 5),
    ] {
        let sent = Arc::new(Mutex::new(0));
        let counter = Arc::clone(&sent);
        let transport = FnTransport::new(move |_: Request<bytes::Bytes>, attempt: Attempt| {
            *counter.lock().unwrap() += 1;
            if sets {
                attempt.mark().hold();
                attempt.mark().set();
            }
            async { Err(TransportError::new(Connect, Delivery::NotSent)) }
        });
        let token = ecs_auth::Credentials::token(TOKEN).unwrap();
        let client = Client::builder(
            "https://ecs.example".parse().unwrap(),
            "p1".parse().unwrap(),
        )
        .credentials(ecs_auth::StaticCredentials::new(token))
        .transport(transport)
        .seed(1)
        .build()
        .unwrap();
        let log = RunJournal::default();
        let mut hooks = Recorder::new(&log);
        let send_state = SendState::default();
        let error = send(&client, &mut hooks, &send_state).await.unwrap_err();
        assert_eq!(error.classification(), classification);
        assert_eq!(*sent.lock().unwrap(), posts);
        let contradicts = error
            .problem()
            .message
            .contains("the transport contradicts itself");
        assert_eq!(contradicts, sets, "{error}");
        let unknown = matches!(send_state.outcome(), SubmissionOutcome::Unknown(_));
        assert_eq!(unknown, sets);
    }
}

/// An error with a part of an answer, and "not sent": a wrapper that maps every error alike.
#[tokio::test(start_paused = true)]
async fn an_error_with_a_part_of_an_answer_was_sent() {
    use TransportErrorKind::{BodyCut, Closed, TooLarge};
    for (kind, has_head) in [(BodyCut, false), (TooLarge, false), (Closed, true)] {
        let client = crate::test_support::failing(move || {
            let error = TransportError::new(kind, Delivery::NotSent);
            if has_head {
                error.with_head(http::StatusCode::ACCEPTED, http::HeaderMap::new())
            } else {
                error
            }
        });
        let log = RunJournal::default();
        let mut hooks = Recorder::new(&log);
        let client = client.build().unwrap();
        let error = send(&client, &mut hooks, &SendState::default()).await;
        let error = error.unwrap_err();
        assert_eq!(error.classification(), Classification::Unknown);
        let message = &error.problem().message;
        assert!(
            message.contains("received a part of an answer"),
            "{message}"
        );
    }
}

/// A transport with a queue of its own, whose task goes on after the caller gave up.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_given_up_is_not_sent_later() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let started = Arc::clone(&sent);
    let transport = FnTransport::new(move |_: http::Request<bytes::Bytes>, attempt: Attempt| {
        let started = Arc::clone(&started);
        attempt.mark().hold();
        let sending = tokio::spawn(async move {
            if attempt.number() == 1 {
                tokio::time::sleep(Duration::from_secs(300)).await;
            }
            attempt.start()?;
            started.lock().unwrap().push(attempt.number());
            Ok(http::Response::new(bytes::Bytes::from_static(
                JOB.as_bytes(),
            )))
        });
        async { sending.await.unwrap() }
    });
    let client = Client::builder(
        "https://ecs.example".parse().unwrap(),
        "p1".parse().unwrap(),
    )
    .credentials(ecs_auth::Credentials::token(TOKEN).unwrap())
    .transport(transport)
    .build()
    .unwrap();
    let log = RunJournal::default();
    let mut hooks = Recorder::new(&log);
    let state = SendState::default();
    send(&client, &mut hooks, &state).await.unwrap();
    // The same for a request that is dropped: it is not executed, and stays so.
    let state = SendState::default();
    let dropped = send(&client, &mut hooks, &state);
    let dropped = tokio::time::timeout(Duration::from_secs(1), dropped).await;
    assert!(dropped.is_err());
    assert!(matches!(state.outcome(), SubmissionOutcome::NotExecuted(_)));
    tokio::time::sleep(Duration::from_secs(900)).await;
    assert_eq!(*sent.lock().unwrap(), [2]);
}

/// A page says nothing about the credentials: until the service has accepted them, one request is
/// in flight at a time.
#[tokio::test(start_paused = true)]
async fn pages_do_not_accept_credentials() {
    for (does, accepted) in [
        (Script::Answer(403, "<html>"), false),
        (Script::Answer(502, "<html>"), false),
        (
            Script::Answer(400, r#"{"error":{"code":"Ecs.0005","message":"m"}}"#),
            true,
        ),
    ] {
        let log = RunJournal::default();
        let (client, _) = client_of(vec![does.clone()], &log);
        let mut hooks = Recorder::new(&log);
        send(&client, &mut hooks, &SendState::default())
            .await
            .unwrap_err();
        assert_eq!(client.health().credentials_accepted(), accepted, "{does:?}");
    }
}
