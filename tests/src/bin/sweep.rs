//! Simulates many seeds, or shows one: `cargo xtask sweep --seeds N --from S`, `cargo xtask sweep
//! --show S`. With `--lives 1` a run of each seed may go in waves, die and be resumed; with
//! `--records 1` or `0` each run reconciles, with readable or unreadable records of actions; with
//! `--others 1` others act on the same servers.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal: what it prints is what it is for"
)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ecs_tests::sweep::{
    Crowded, Faithful, ManyLives, Reconciling, Subject, simulate_with, sweep_with,
};

const USAGE: &str = "usage: sweep [--lives 1 | --records 0|1 | --others 1] ([--seeds N] [--from S] [--threads T] | --show S)";
const MOST_FAILURES: usize = 10;

struct Arguments {
    seeds: u64,
    from: u64,
    threads: usize,
    show: Option<u64>,
    lives: bool,
    records: Option<bool>,
    others: bool,
}

impl Arguments {
    fn subject(&self) -> &'static (dyn Subject + Sync) {
        if self.others {
            return &Crowded;
        }
        match (self.lives, self.records) {
            (true, _) => &ManyLives,
            (false, Some(true)) => &Reconciling { records: true },
            (false, Some(false)) => &Reconciling { records: false },
            (false, None) => &Faithful,
        }
    }
}

fn main() -> ExitCode {
    let Some(arguments) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let right = match arguments.show {
        Some(seed) => {
            let outcome = simulate_with(seed, arguments.subject());
            print!("{outcome}");
            outcome.violations.is_empty()
        }
        None => run(&arguments),
    };
    ExitCode::from(u8::from(!right))
}

fn run(arguments: &Arguments) -> bool {
    let begun = Instant::now();
    let shown = AtomicU64::new(0);
    let rate = |seeds: u64| seeds as f64 / begun.elapsed().as_secs_f64();
    let progress = |seeds: u64| {
        // A line every ten seconds is enough.
        let tenth = begun.elapsed().as_secs() / 10;
        if shown.fetch_max(tenth, Ordering::Relaxed) < tenth {
            eprintln!(
                "{seeds} of {} seeds, {:.0} a second",
                arguments.seeds,
                rate(seeds)
            );
        }
    };
    let seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
    let (threads, subject) = (arguments.threads, arguments.subject());
    let total = sweep_with(subject, seeds, threads, MOST_FAILURES, &progress);
    println!(
        "{} seeds from {}, {} exchanges, in {:.1?} ({:.0} seeds a second): {} failed",
        total.seeds,
        arguments.from,
        total.exchanges,
        begun.elapsed(),
        rate(total.seeds),
        total.failed.len()
    );
    println!(
        "{} of {} servers unknown after a lost answer ({:.3} %)",
        total.unknown,
        total.servers,
        total.unknown as f64 * 100.0 / total.servers.max(1) as f64
    );
    for outcome in &total.failed {
        let seed = outcome.seed;
        let lives = if arguments.lives { " --lives 1" } else { "" };
        println!("\nseed {seed}; replay with: cargo xtask sweep{lives} --show {seed}");
        for violation in outcome.violations.iter().take(5) {
            println!("  {violation}");
        }
    }
    total.failed.is_empty()
}

fn parse(mut given: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments {
        seeds: 10_000,
        from: 0,
        threads: 2,
        show: None,
        lives: false,
        records: None,
        others: false,
    };
    while let Some(name) = given.next() {
        let value: u64 = given.next()?.replace('_', "").parse().ok()?;
        match name.as_str() {
            "--seeds" => arguments.seeds = value,
            "--from" => arguments.from = value,
            "--threads" => arguments.threads = usize::try_from(value).ok()?,
            "--records" => arguments.records = Some(value > 0),
            "--others" => arguments.others = value > 0,
            "--lives" => arguments.lives = value > 0,
            "--show" => arguments.show = Some(value),
            _ => return None,
        }
    }
    Some(arguments)
}
