//! A run as its journal tells it: played on virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::MemoryJournal;
use ecs_ops::model::RebootType;
use ecs_ops::rolling::{Member, Order, Rules, Share, Waves};
use ecs_ops::{Client, RunBuilder};
use ecs_sim::{Region, SimTransport};
use secrecy::ExposeSecret as _;

use super::*;
use crate::render::page::page;
use crate::render::show::text;

const MINUTE: Duration = Duration::from_secs(60);

/// Says yes, and then no once.
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

/// Three waves of two: the first server fails softly and hard, the health after the second wave is bad at first, and two
/// hours later another process goes on.
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
    let waves = Waves::plan(&members, Share::Servers(2), None, Order::AsGiven).unwrap();
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
    let report = run.start().await.unwrap().await;
    assert_eq!(report.summary().not_attempted, 2);
    let stopped = Timeline::of_entries(journal.entries(), None).unwrap();
    tokio::time::sleep(120 * MINUTE).await;
    let recovered = Recovered::from_entries(journal.entries()).unwrap();
    let run = client.resume(Arc::clone(&journal), recovered).unwrap();
    let report = checked(run, &checks).start().await.unwrap().await;
    assert_eq!(report.summary().succeeded, 5);
    let ended = Timeline::of_entries(journal.entries(), None).unwrap();
    (Arc::into_inner(journal).unwrap_or_default(), stopped, ended)
}

#[tokio::test(start_paused = true)]
async fn a_rolling_run() {
    let (_, stopped, ended) = played().await;
    let counts = |it: &Timeline| -> Vec<String> {
        it.waves.iter().map(|wave| wave.summary.counts()).collect()
    };
    let first = ["1 succeeded, 1 failed", "2 succeeded"];
    assert_eq!(counts(&stopped), [first[0], first[1], "2 not attempted"]);
    assert_eq!(counts(&ended), [first[0], first[1], "2 succeeded"]);
    let health = |it: &Timeline| -> Vec<Option<bool>> {
        let waves = it.waves.iter();
        waves
            .map(|wave| Some(wave.health.as_ref()?.healthy))
            .collect()
    };
    assert_eq!(health(&stopped), [Some(true), Some(false), None]);
    // It was checked again by whoever went on.
    assert_eq!(health(&ended), [Some(true); 3]);
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
    let batches: Vec<_> = ended
        .batches
        .iter()
        .map(|batch| (batch.wave, batch.purpose))
        .collect();
    let first = |wave| (Some(wave), "first");
    assert_eq!(
        batches,
        [first(1), (Some(1), "escalate"), first(2), first(3)]
    );
    // Both of its restarts failed.
    let bad: Vec<_> = ended.jobs.iter().map(|job| job.bad).collect();
    assert_eq!(bad, [1, 1, 0, 0]);
    let note = ended.servers[0].report.note().unwrap();
    assert!(
        note.starts_with("restarted hard, since the soft restart ended badly"),
        "{note}"
    );
    let gap = ended.gaps[0];
    assert_eq!(gap.until.duration_since(gap.from).as_hours(), 2);
    assert_eq!((ended.gaps.len(), stopped.gaps.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rolling_run_in_words() {
    let (_, stopped, _) = played().await;
    let text = text(&stopped, "run.jsonl");
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
    for words in [
        "the health check after wave 2 failed",
        "to go on: this sends 2 servers\n  ecsctl resume run.jsonl\n",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rolling_run_as_a_page() {
    let (_, stopped, ended) = played().await;
    let page_of = |it: &Timeline| page(it, "run.jsonl");
    let text = page_of(&stopped);
    for words in [
        ">wave 1<",
        ">wave 2<",
        ">✓<",
        ">✗<",
        "bad: &lt;b&gt;no",
        "pause of 60.0 s",
        "2 not attempted</label>",
        "restarted hard",
        "1 bad<",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(
        !text.contains("<b>") && !text.contains(">wave 3<") && !text.contains("nothing for"),
        "{text}"
    );
    let text = page_of(&ended);
    for words in [
        ">wave 3<",
        "nothing for 2 h 0 min",
        "a: stopping",
        "b: resumed",
        "2 (1, hard)",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(
        !text.contains("only-not_attempted\">") && !text.contains(">✗<"),
        "{text}"
    );
    for server in &ended.servers {
        assert_eq!(text.matches(&server.report.id.to_string()).count(), 1);
    }
}
