//! Admits attempts: the epoch, the servers, the quota and the records in one transaction.

use ecs_ops::store::{Ask, Held, Reply};
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::records::{may_write, write_records};
use super::rows::run_of;
use super::{lease_of, leave_queue, microseconds};

/// The time (in microseconds) after which a waiter for the quota that does not ask again loses its turn.
const TURN_LIMIT: i64 = 5_000_000;
/// Shares are kept for so long after their end: a late answer still finds its share.
const KEPT: i64 = 24 * 3600 * 1_000_000;
/// The number of held servers that a reply lists.
const TOLD: usize = 20;

pub(super) fn announce(
    transaction: &Transaction<'_>,
    now: i64,
    ask: &Ask,
) -> rusqlite::Result<Reply> {
    let place = &ask.place;
    let Some(run) = run_of(transaction, &place.run_id)? else {
        return Ok(Reply::NoRun);
    };
    let target = (run.endpoint.clone(), run.project.clone());
    let is_written = match may_write(transaction, Some(run), place)? {
        Ok(_) => false,
        Err(Reply::Written) => true,
        Err(refused) => return Ok(refused),
    };
    let (endpoint, project) = (target.0.as_str(), target.1.as_str());
    let held = held_by_others(transaction, endpoint, project, ask)?;
    if !held.is_empty() {
        // It delays no other waiter meanwhile.
        leave_queue(transaction, &place.run_id)?;
        return Ok(Reply::Held { servers: held });
    }
    let wanted = wanted(ask);
    // A share that is still held of the same request: its answer got lost, and only the way was made again.
    let has_share = is_written && own_share(transaction, ask)?.is_some_and(|until| until > now);
    if !has_share && let Some(full) = wait(transaction, now, ask, (endpoint, project), is_written)?
    {
        return Ok(full);
    }
    let (span, hold) = (microseconds(ask.limits.window), microseconds(ask.hold));
    transaction.execute(
        "INSERT INTO shares (run_id, request, endpoint, project, servers, time_span, taken_at, until) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7 + ?8) ON CONFLICT (run_id, request) DO UPDATE \
         SET until = max(until, excluded.until), time_span = excluded.time_span, servers = excluded.servers, answered = 0",
        params![place.run_id, ask.request, endpoint, project, wanted, span, now, hold],
    )?;
    leave_queue(transaction, &place.run_id)?;
    if !is_written {
        let sql = "INSERT INTO leases (endpoint, project, server_id, run_id, request, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                   ON CONFLICT (endpoint, project, server_id) DO UPDATE SET request = excluded.request";
        let mut lease = transaction.prepare_cached(sql)?;
        for id in &ask.servers {
            let id = id.as_bytes().as_slice();
            lease.execute(params![
                endpoint,
                project,
                id,
                place.run_id,
                ask.request,
                now
            ])?;
        }
        write_records(transaction, now, place, &ask.lines)?;
        let sql = "DELETE FROM shares WHERE endpoint = ?1 AND project = ?2 AND until < ?3";
        transaction.execute(sql, params![endpoint, project, now - KEPT])?;
    }
    Ok(Reply::Written)
}

/// Returns the number of servers that a request counts for: no more than the whole quota.
fn wanted(ask: &Ask) -> i64 {
    i64::try_from(ask.servers.len().min(ask.limits.servers)).unwrap_or(i64::MAX)
}

/// Returns the time until which the permit of this request is held, if it has one.
fn own_share(transaction: &Transaction<'_>, ask: &Ask) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT until FROM shares WHERE run_id = ?1 AND request = ?2";
    let until = transaction.query_row(sql, params![ask.place.run_id, ask.request], |row| {
        row.get(0)
    });
    until.optional()
}

fn held_by_others(
    transaction: &Transaction<'_>,
    endpoint: &str,
    project: &str,
    ask: &Ask,
) -> rusqlite::Result<Vec<Held>> {
    let mut held = Vec::new();
    for id in &ask.servers {
        let lease = lease_of(transaction, endpoint, project, *id)?;
        if let Some((since, holder)) = lease.filter(|(_, run)| run.run_id != ask.place.run_id) {
            held.push(Held {
                id: *id,
                run_id: holder.run_id,
                user: holder.user,
                host: holder.host,
                since,
            });
        }
        if held.len() == TOLD {
            break;
        }
    }
    Ok(held)
}

/// If there is no room, or others have waited for longer: takes a place in the queue, and says when
/// there will be room.
fn wait(
    transaction: &Transaction<'_>,
    now: i64,
    ask: &Ask,
    (endpoint, project): (&str, &str),
    is_written: bool,
) -> rusqlite::Result<Option<Reply>> {
    let (run_id, wanted) = (&ask.place.run_id, wanted(ask));
    let limit = i64::try_from(ask.limits.servers).unwrap_or(i64::MAX);
    let shares = shares_in_use(transaction, now, ask, (endpoint, project))?;
    let used: i64 = shares.iter().map(|(_, servers)| servers).sum();
    let asked_since = now - TURN_LIMIT;
    let sql = "SELECT place FROM queue WHERE run_id = ?1 AND seen_at > ?2";
    let place = transaction.query_row(sql, params![run_id, asked_since], |row| row.get(0));
    let place: Option<i64> = place.optional()?;
    let sql = "SELECT coalesce(sum(servers), 0) FROM queue WHERE endpoint = ?1 AND project = ?2 AND run_id <> ?3 \
               AND seen_at > ?4 AND (?5 IS NULL OR place < ?5)";
    let ahead: i64 = transaction.query_row(
        sql,
        params![endpoint, project, run_id, asked_since, place],
        |row| row.get(0),
    )?;
    if ahead == 0 && used + wanted <= limit {
        return Ok(None);
    }
    if place.is_some() {
        let sql = "UPDATE queue SET servers = ?2, seen_at = ?3 WHERE run_id = ?1";
        transaction.execute(sql, params![run_id, wanted, now])?;
    } else {
        leave_queue(transaction, run_id)?;
        let sql = "INSERT INTO queue (run_id, endpoint, project, servers, seen_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        transaction.execute(sql, params![run_id, endpoint, project, wanted, now])?;
    }
    let missing = used + ahead + wanted - limit;
    Ok(Some(Reply::Full {
        written: is_written,
        retry_after_ms: room_at(&shares, missing).map(|at| {
            let left = u64::try_from(at.saturating_sub(now)).unwrap_or_default();
            left.div_ceil(1000)
        }),
    }))
}

/// The shares that others hold, with the earliest time that each may be given back and its servers,
/// by that time.
fn shares_in_use(
    transaction: &Transaction<'_>,
    now: i64,
    ask: &Ask,
    (endpoint, project): (&str, &str),
) -> rusqlite::Result<Vec<(i64, i64)>> {
    // A request without an answer may be answered now.
    let sql = "SELECT CASE WHEN answered THEN until ELSE min(until, ?3 + time_span) END AS ends, servers FROM shares \
               WHERE endpoint = ?1 AND project = ?2 AND until > ?3 AND (run_id <> ?4 OR request <> ?5) ORDER BY ends";
    let mut statement = transaction.prepare_cached(sql)?;
    let shares = statement.query_map(
        params![endpoint, project, now, ask.place.run_id, ask.request],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    shares.collect()
}

/// Returns the time at which so many servers will have been given back. `None`: unknown. Pure.
fn room_at(shares: &[(i64, i64)], missing: i64) -> Option<i64> {
    if missing <= 0 {
        return Some(i64::MIN);
    }
    let mut freed = 0;
    let mut ends = shares.iter().map(|(at, servers)| {
        freed += servers;
        (freed, *at)
    });
    ends.find(|(freed, _)| *freed >= missing).map(|(_, at)| at)
}
