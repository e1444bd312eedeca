//! nginx and HAProxy as operators run them. Their packages are in Debian (`nginx-light`,
//! `haproxy`); without them the tests report that and pass.

use std::time::Duration;

use ecs_ops::{OnUnknown, Report};
use ecs_sim::SimServer;
use ecs_test_support::gateway::{Gateway, Seen, Trick};

use super::program::Program;
use super::world::{check, client, count, finish, reboot, region, try_finish};

const LONG_LIMIT: Duration = Duration::from_secs(20);

const NGINX: &str = "server { listen LISTEN; location / { proxy_pass http://UPSTREAM; } }";
const NGINX_KEPT: &str = "upstream service { server UPSTREAM; keepalive 8; }\n\
    server { listen LISTEN; location / { proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection \"\"; } }";
const HAPROXY: &str =
    "frontend f\n  bind LISTEN\n  default_backend service\nbackend service\n  server s UPSTREAM\n";

fn haproxy(rules: &str) -> String {
    HAPROXY.replace("  server s", &format!("{rules}\n  server s"))
}

/// Restarts all servers through the gateway, while `meanwhile` is applied to it repeatedly.
async fn run_through(
    gateway: &Program,
    region: &SimServer,
    batch: usize,
    meanwhile: impl Fn(&Program),
) -> Report {
    let client = client(region, &gateway.url(), LONG_LIMIT);
    let run = finish(reboot(&client, region, batch));
    let mut run = std::pin::pin!(run);
    loop {
        match tokio::time::timeout(Duration::from_millis(150), run.as_mut()).await {
            Ok(report) => return report,
            Err(_) => meanwhile(gateway),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_pass_through_gateways() {
    for gateway in [
        |address| Program::nginx(NGINX, address),
        |address| Program::nginx(NGINX_KEPT, address),
        |address| Program::haproxy(HAPROXY, address),
    ] {
        let region = region(12).await;
        let Some(gateway) = gateway(region.address()) else {
            continue;
        };
        let report = run_through(&gateway, &region, 4, |_| {}).await;
        check("plain", &report, &region);
        assert_eq!(count(&report, "succeeded"), 12, "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_lose_nothing() {
    for gateway in [
        |address| Program::nginx(NGINX, address),
        |address| Program::haproxy(HAPROXY, address),
    ] {
        let region = region(200).await;
        let Some(gateway) = gateway(region.address()) else {
            continue;
        };
        let report = run_through(&gateway, &region, 5, Program::reload).await;
        check("reload", &report, &region);
        assert_eq!(count(&report, "succeeded"), 200);
    }
}

/// Requests in a killed worker have no answer: unknown, and never a second time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_workers_lose_answers_and_nothing_is_done_twice() {
    let region = region(200).await;
    let Some(gateway) = Program::nginx(NGINX_KEPT, region.address()) else {
        return;
    };
    gateway.wait_for_workers(2);
    let report = run_through(&gateway, &region, 5, Program::kill_workers).await;
    check("worker kill", &report, &region);
    let (succeeded, unknown) = (count(&report, "succeeded"), count(&report, "unknown"));
    assert!(succeeded > 0, "{succeeded} succeeded, {unknown} unknown");
}

/// The service is down, and the gateway reports it: 502 from nginx, 503 from HAProxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unavailable_service_behind_a_gateway_is_reported_truthfully() {
    let nowhere = "127.0.0.1:9".parse().unwrap();
    for gateway in [
        Program::nginx(NGINX, nowhere),
        Program::haproxy(HAPROXY, nowhere),
    ] {
        let region = region(4).await;
        let Some(gateway) = gateway else {
            continue;
        };
        let client = client(&region, &gateway.url(), LONG_LIMIT);
        // It may find out before it begins.
        if let Ok(report) = try_finish(reboot(&client, &region, 4)).await {
            check("502, 503", &report, &region);
            assert_eq!(count(&report, "succeeded") + count(&report, "running"), 0);
        }
        let accepted = region
            .region()
            .with(|region| region.accepted().distinct_servers());
        assert_eq!(accepted, 0);
    }
}

/// A slow service, or one whose answer the gateway considers too slow: 504 after it has acted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_504_after_execution_is_unknown() {
    let slow = Trick::Queue(Duration::from_secs(3));
    let impatient_nginx = NGINX.replace("proxy_pass", "proxy_read_timeout 1s; proxy_pass");
    let impatient_haproxy = haproxy("  timeout server 1s");
    for gateway in [
        Box::new(|address| Program::nginx(&impatient_nginx, address)) as Box<dyn Fn(_) -> _>,
        Box::new(|address| Program::haproxy(&impatient_haproxy, address)),
    ] {
        let region = region(4).await;
        let rule = move |seen: &Seen| {
            if seen.is_action() {
                slow
            } else {
                Trick::Forward
            }
        };
        let behind = Gateway::start(region.address(), rule).unwrap();
        let Some(gateway) = gateway(behind.address()) else {
            continue;
        };
        let report = run_through(&gateway, &region, 4, |_| {}).await;
        assert_eq!(count(&report, "unknown"), 4, "{report:?}");
        let executed = || {
            region
                .region()
                .with(|region| region.accepted().distinct_servers())
        };
        while executed() < 4 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        check("504", &report, &region);
        assert_eq!(behind.actions(), 1);
    }
}

/// A gateway that refuses the request itself: nothing is executed, and nothing else may be claimed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_refused_by_a_gateway_are_never_reported_as_done() {
    let limit = "limit_req_zone $binary_remote_addr zone=z:1m rate=1r/s;\n\
        server { listen LISTEN; limit_req zone=z; limit_req_status 429; location / { proxy_pass http://UPSTREAM; } }";
    let small = NGINX.replace("proxy_pass", "client_max_body_size 10; proxy_pass");
    let deny = haproxy("  http-request deny deny_status 403 if METH_POST");
    for gateway in [
        Box::new(|address| Program::nginx(limit, address)) as Box<dyn Fn(_) -> _>,
        Box::new(|address| Program::nginx(&small, address)),
        Box::new(|address| Program::haproxy(&deny, address)),
    ] {
        let region = region(4).await;
        let Some(gateway) = gateway(region.address()) else {
            continue;
        };
        let report = run_through(&gateway, &region, 4, |_| {}).await;
        check("refused by the gateway", &report, &region);
    }
}

/// 429, 403 and 404 that the gateway makes of an answer: the service has acted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateway_page_after_execution_is_unknown() {
    for rule in [
        "  http-response deny deny_status 429 if METH_POST",
        "  http-response deny deny_status 403 if METH_POST",
        "  http-response return status 404 content-type application/json string '{}' if METH_POST",
    ] {
        let region = region(4).await;
        // The condition is about the request; HAProxy keeps it for the answer in a variable.
        let rules = format!(
            "  http-request set-var(txn.post) bool(true) if METH_POST\n{}",
            rule.replace("if METH_POST", "if { var(txn.post) -m bool }")
        );
        let Some(gateway) = Program::haproxy(&haproxy(&rules), region.address()) else {
            continue;
        };
        let report = run_through(&gateway, &region, 4, |_| {}).await;
        check(rule, &report, &region);
        assert_eq!(count(&report, "unknown"), 4, "{rule}: {report:?}");
    }
}

/// nginx caches lists: after the restart it shows an older one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_from_nginx_cache_are_no_evidence() {
    let cache = "proxy_cache_path cache keys_zone=c:1m;\n\
        server { listen LISTEN; location / { proxy_pass http://UPSTREAM; proxy_cache c; proxy_cache_valid 200 10m; } }";
    let region = region(4).await;
    let rule = |seen: &Seen| {
        if seen.is_action() {
            Trick::DropAfter
        } else {
            Trick::Forward
        }
    };
    let behind = Gateway::start(region.address(), rule).unwrap();
    let Some(gateway) = Program::nginx(cache, behind.address()) else {
        return;
    };
    let client = client(&region, &gateway.url(), LONG_LIMIT);
    let report = finish(reboot(&client, &region, 4).on_unknown(OnUnknown::Reconcile)).await;
    check("cached by nginx", &report, &region);
}
