//! A gateway of our own that reproduces the tricks of real ones.

use std::time::Duration;

use ecs_ops::OnUnknown;

use ecs_test_support::gateway::{Gateway, PAGES, Page, Seen, Trick};

use super::world::{check, client, count, finish, reboot, region};

const LONG_LIMIT: Duration = Duration::from_secs(20);

/// Plays this trick with the first action, and forwards all other requests.
fn first_action(trick: Trick) -> impl Fn(&Seen) -> Trick + Send + Sync + 'static {
    move |seen| {
        if seen.is_action() && seen.before == 0 {
            trick
        } else {
            Trick::Forward
        }
    }
}

/// Plays this trick with every action.
fn every_action(trick: Trick) -> impl Fn(&Seen) -> Trick + Send + Sync + 'static {
    move |seen| {
        if seen.is_action() {
            trick
        } else {
            Trick::Forward
        }
    }
}

/// Returns whether the page's status alone proves nothing, whatever made it.
fn is_server_error(page: &Page) -> bool {
    page.status.starts_with('5')
}

async fn page_after_the_act(page: Page) {
    let region = region(4).await;
    let gateway = Gateway::start(region.address(), every_action(Trick::PageAfter(page))).unwrap();
    let client = client(&region, &gateway.url(), LONG_LIMIT);
    let report = finish(reboot(&client, &region, 4)).await;
    check(page.name, &report, &region);
    assert_eq!(count(&report, "unknown"), 4, "{}: {report:?}", page.name);
    assert_eq!(gateway.actions(), 1, "{}", page.name);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_error_after_execution_leaves_the_outcome_unknown() {
    for page in PAGES.into_iter().filter(is_server_error) {
        page_after_the_act(page).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_page_after_execution_leaves_the_outcome_unknown() {
    for page in PAGES.into_iter().filter(|page| !is_server_error(page)) {
        page_after_the_act(page).await;
    }
}

/// Claims about a request that the gateway refused itself are true, and nothing is executed twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_instead_of_execution_causes_no_false_claim() {
    for page in PAGES {
        let region = region(8).await;
        let rule = first_action(Trick::PageInstead(page));
        let gateway = Gateway::start(region.address(), rule).unwrap();
        let client = client(&region, &gateway.url(), LONG_LIMIT);
        let report = finish(reboot(&client, &region, 4)).await;
        check(page.name, &report, &region);
        assert_eq!(report.servers.len(), 8);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_answer_leaves_the_outcome_unknown() {
    for (trick, executed) in [(Trick::DropAfter, 8), (Trick::DropInstead, 4)] {
        let region = region(8).await;
        let gateway = Gateway::start(region.address(), first_action(trick)).unwrap();
        let client = client(&region, &gateway.url(), LONG_LIMIT);
        let report = finish(reboot(&client, &region, 4)).await;
        check("dropped", &report, &region);
        assert_eq!(
            (count(&report, "unknown"), count(&report, "succeeded")),
            (4, 4)
        );
        let accepted = region
            .region()
            .with(|region| region.accepted().distinct_servers());
        assert_eq!(accepted, executed);
    }
}

/// HAProxy delivers a queued request after its client has gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_requests_are_not_sent_again() {
    let region = region(4).await;
    let rule = first_action(Trick::Queue(Duration::from_secs(3)));
    let gateway = Gateway::start(region.address(), rule).unwrap();
    let client = client(&region, &gateway.url(), Duration::from_secs(1));
    let report = finish(reboot(&client, &region, 4)).await;
    assert_eq!(count(&report, "unknown"), 4);
    let executed = || {
        region
            .region()
            .with(|region| region.accepted().distinct_servers())
    };
    while executed() < 4 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    check("queued", &report, &region);
    assert_eq!(gateway.actions(), 1);
}

/// The answer is lost, and the list that would show the restart is older than it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cached_lists_are_no_evidence() {
    for cache in [Trick::Cache, Trick::CacheWithAge] {
        let region = region(4).await;
        let rule = move |seen: &Seen| {
            if seen.is_action() {
                Trick::DropAfter
            } else {
                cache
            }
        };
        let gateway = Gateway::start(region.address(), rule).unwrap();
        let client = client(&region, &gateway.url(), LONG_LIMIT);
        let run = reboot(&client, &region, 4).on_unknown(OnUnknown::Reconcile);
        let report = finish(run).await;
        check(&format!("{cache:?}"), &report, &region);
    }
}
