//! The timeline of a run on virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::MemoryJournal;
use ecs_ops::model::RebootType;
use ecs_ops::rolling::{CountOrPercent, Member, Order, Rules, Waves};
use ecs_ops::{Client, RunBuilder};
use ecs_sim::{Region, SimTransport};
use secrecy::ExposeSecret as _;

use super::*;
use crate::args::Show;
use crate::render::page::page;
use crate::render::show::text;
use crate::screen::Screen;

const MINUTE: Duration = Duration::from_secs(60);

/// Passes, then fails once.
fn checked(run: RunBuilder, checks: &Arc<AtomicUsize>) -> RunBuilder {
    let checks = Arc::clone(checks);
    run.health_check("a test", MINUTE, move |_| {
        let number = checks.fetch_add(1, Ordering::SeqCst);
        async move {
            match number {
                1 => Err("<b>no</b>".to_owned()),
                _ => Ok(()),
            }
        }
    })
}

/// Three waves of two: both restarts of the first server fail, the first health check after the second wave fails,
/// and another process resumes the run two hours later.
async fn played() -> (MemoryJournal, Timeline, Timeline) {
    let mut region = Region::builder().servers(6).seed(5).build().unwrap();
    let servers: Vec<_> = region.servers().collect();
    assert!(region.set_failing(&servers[0], true));
    let token = Credentials::token(region.identity().token.expose_secret()).unwrap();
    let project = region.identity().project_id.clone();
    let client = || {
        Client::builder("https://ecs.example".parse().unwrap(), project.clone())
            .credentials(StaticCredentials::new(token.clone()))
            .epoch("2026-11-24T00:00:00Z".parse().unwrap())
    };
    let client = client()
        .transport(SimTransport::new(region))
        .build()
        .unwrap();
    let members: Vec<_> = servers.iter().map(|id| Member::new(*id)).collect();
    let waves = Waves::plan(&members, CountOrPercent::Count(2), None, Order::AsGiven).unwrap();
    let rules = Rules {
        pause: MINUTE,
        ..Rules::default()
    };
    let checks = Arc::new(AtomicUsize::new(0));
    let journal = Arc::new(MemoryJournal::default());
    let run = client
        .reboot(RebootType::Soft, servers)
        .rolling(waves, rules);
    let run = checked(run.escalate_after(5 * MINUTE), &checks).journal(Arc::clone(&journal));
    let report = run.report().await.unwrap();
    assert_eq!(report.summary().not_attempted, 2);
    let stopped = Timeline::of_entries(journal.entries(), None).unwrap();
    tokio::time::sleep(120 * MINUTE).await;
    let recovered = Recovered::from_entries(journal.entries()).unwrap();
    let run = client.resume(Arc::clone(&journal), recovered).unwrap();
    let report = checked(run, &checks).report().await.unwrap();
    assert_eq!(report.summary().succeeded, 5);
    let ended = Timeline::of_entries(journal.entries(), None).unwrap();
    (Arc::into_inner(journal).unwrap_or_default(), stopped, ended)
}

#[tokio::test(start_paused = true)]
async fn a_rolling_run_has_a_timeline() {
    let (_, stopped, ended) = played().await;
    let counts = |value: &Timeline| -> Vec<String> {
        value
            .waves
            .iter()
            .map(|wave| wave.summary.counts())
            .collect()
    };
    let first = ["1 succeeded, 1 failed", "2 succeeded"];
    assert_eq!(counts(&stopped), [first[0], first[1], "2 not attempted"]);
    assert_eq!(counts(&ended), [first[0], first[1], "2 succeeded"]);
    let health = |value: &Timeline| -> Vec<Vec<bool>> {
        let checks = value.waves.iter().map(|wave| wave.checks.iter());
        checks
            .map(|checks| checks.map(|check| check.healthy).collect())
            .collect()
    };
    assert_eq!(health(&stopped), [vec![true], vec![false], vec![]]);
    // The resuming process checked again.
    assert_eq!(health(&ended), [vec![true], vec![false, true], vec![true]]);
    let checks = &ended.waves[1].checks;
    assert!(checks[1].at.duration_since(checks[0].at).as_hours() >= 2);
    let document = serde_json::to_value(&ended).unwrap();
    assert_eq!(document["waves"][1]["checks"][0]["words"], "<b>no</b>");
    assert_eq!(
        (stopped.waves[2].began, stopped.waves[2].took()),
        (None, None)
    );
    // A soft and a hard restart, one after the other.
    assert!(ended.waves[0].took().unwrap() > ended.waves[1].took().unwrap());
    let pause = ended.waves[1]
        .began
        .unwrap()
        .duration_since(ended.waves[0].over.unwrap());
    assert_eq!(pause.as_secs(), 60);
    let waves: Vec<_> = ended
        .servers
        .iter()
        .map(|server| server.wave.unwrap())
        .collect();
    assert_eq!(waves, [1, 1, 2, 2, 3, 3]);
    let requests: Vec<_> = ended
        .requests
        .iter()
        .map(|request| (request.wave, request.purpose))
        .collect();
    let first = |wave| (Some(wave), "first");
    assert_eq!(
        requests,
        [first(1), (Some(1), "escalate"), first(2), first(3)]
    );
    // Both of its restarts failed.
    let bad: Vec<_> = ended.jobs.iter().map(|job| job.bad).collect();
    assert_eq!(bad, [1, 1, 0, 0]);
    let note = ended.servers[0].report.note().unwrap();
    assert!(
        note.starts_with("restarted hard because the soft restart failed"),
        "{note}"
    );
    let gap = ended.gaps[0];
    assert_eq!(gap.until.duration_since(gap.from).as_hours(), 2);
    assert_eq!((ended.gaps.len(), stopped.gaps.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rolling_run_as_text() {
    let (_, stopped, mut ended) = played().await;
    let again = text(&ended, "run.jsonl", Show::All, Screen::default());
    assert!(again.contains("bad: <b>no</b>, then good"), "{again}");
    let checks = &mut ended.waves[1].checks;
    checks.insert(0, checks[0].clone());
    let often = ended.waves[1].health();
    assert_eq!(often, "bad: <b>no</b> (2 times), then good");
    let text = text(&stopped, "run.jsonl", Show::All, Screen::default());
    let row = |first: &str| {
        let mut lines = text.lines().skip_while(|line| !line.starts_with("WAVE"));
        let line = lines.find(|line| line.split_whitespace().next() == Some(first));
        line.unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    assert!(
        row("1").ends_with(" 1          1       0        1     good"),
        "{text}"
    );
    assert!(row("2").ends_with("bad: <b>no</b>"), "{text}");
    assert!(
        row("3")
            .split_whitespace()
            .eq(["3", "2", "-", "-", "0", "0", "0", "0", "-"]),
        "{text}"
    );
    for expected in [
        "the health check after wave 2 failed",
        "to continue: this sends 2 servers:\n  ecsctl resume run.jsonl\n",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rolling_run_as_a_page() {
    let (_, stopped, mut ended) = played().await;
    let page_of = |value: &Timeline| page(value, "run.jsonl");
    let text = page_of(&stopped);
    for expected in [
        ">wave 1<",
        ">wave 2<",
        ">✓<",
        ">✗<",
        "bad: &lt;b&gt;no",
        "pause of 60.0 s",
        "2</span> not attempted</label>",
        "restarted hard",
        "1 failed<",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(
        !text.contains("<b>") && !text.contains(">wave 3<") && !text.contains("nothing for"),
        "{text}"
    );
    let text = page_of(&ended);
    for expected in [
        ">wave 3<",
        "nothing for 2 h 0 min",
        "a: stopping",
        "b: resumed",
        "2 (1, hard)",
        // The failed check is still shown.
        ">✗<title>health: bad: &lt;b&gt;no&lt;/b&gt;<",
        "<td>bad: &lt;b&gt;no&lt;/b&gt;, then good</td>",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("only-not_attempted\">"), "{text}");
    // Drawn above all else.
    let (_, signs) = text.split_once(">✗<").unwrap();
    assert!(
        !signs.contains("<rect") && !signs.contains("<path"),
        "{text}"
    );
    assert_eq!(
        (text.matches(">✗<").count(), text.matches(">✓<").count()),
        (1, 3)
    );
    for server in &ended.servers {
        assert_eq!(text.matches(&server.report.id.to_string()).count(), 1);
    }
    // Of two checks at the same place the failed one is shown.
    let checks = &mut ended.waves[1].checks;
    checks[1].at = checks[0].at;
    let text = page_of(&ended);
    let signs = text.split("\" y=\"44\" class=\"end sign ");
    let places = signs.filter_map(|text| text.rsplit("x=\"").next()?.parse().ok());
    let places: Vec<f64> = places.collect();
    assert_eq!(
        (places.len(), text.matches(">✗<").count()),
        (3, 1),
        "{text}"
    );
    let apart = places.windows(2).map(|two| two[1] - two[0]);
    assert!(apart.into_iter().all(|apart| apart > 12.9), "{places:?}");
}
