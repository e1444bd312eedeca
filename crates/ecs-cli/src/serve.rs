//! `serve`: the runs of a store as read-only web pages that update themselves.
//!
//! | module | holds |
//! |---|---|
//! | `access` | the token, and the sessions of users |
//! | `answer` | HTTP responses |
//! | `http` | connections and their limits |
//! | `hub` | the published state, for all browsers |
//! | `pages` | the pages as text |
//! | `reader` | the one task that reads the store |
//! | `request` | host, cookie and token of a request |
//! | `route` | the routes of paths |
//! | `site` | answers to requests |
//! | `stream` | server-sent events |
//! | `token` | the token, from a file or new |
//! | `view` | the parts of a page that change |

mod access;
mod answer;
mod http;
mod hub;
mod pages;
mod reader;
mod request;
mod route;
mod site;
mod stream;
mod token;
mod view;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::access::Access;
use self::hub::Hub;
use self::reader::Reader;
use self::site::{Settings, Site};
use crate::args::{Global, PublicUrl, Serve};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::signals::Signals;
use crate::store::{Store, not_named};
use crate::term::{Printer, Results};

/// The longest wait for the first read of the store.
const FIRST_READ: Duration = Duration::from_secs(5);
/// The variable that systemd sets if stderr leads to its journal.
const SYSTEMD_JOURNAL: &str = "JOURNAL_STREAM";

/// Serves until Ctrl-C.
pub(crate) async fn run(
    args: &Serve,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    check_listen(args, printer)?;
    let token = match &args.token_file {
        Some(file) => token::from_file(file)?,
        None if std::env::var_os(SYSTEMD_JOURNAL).is_some() && !std::io::stderr().is_terminal() => {
            return Err(CliError::usage(
                "a service of systemd needs --token-file: a token that is printed would be kept in the journal of the system",
            ));
        }
        None => token::new(),
    };
    let store = Store::open_to_read(global).await?.ok_or_else(not_named)?;
    let cannot = |error: std::io::Error| {
        CliError::usage(format!("cannot listen on {}: {error}", args.listen))
            .hint("--listen takes an address of this machine and a port that is free, such as 127.0.0.1:0")
    };
    let listener = TcpListener::bind(args.listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let mut signals = Signals::new()?;
    let (end, ends) = watch::channel(false);
    let hub = Arc::new(Hub::new());
    let access = Access::new(&token);
    let site = Site::new(
        access,
        Arc::clone(&hub),
        settings(args, &store, address),
        ends,
    );
    let mut board = hub.board();
    let reader = Reader::new(store.shared().clone(), hub, args.limit);
    let mut reader = tokio::spawn(reader.run());
    // Pages are there when the address is printed; a store that is slow is waited for by the pages.
    let _ = tokio::time::timeout(FIRST_READ, board.wait_for(Option::is_some)).await;

    let url = match &args.public_url {
        Some(public) => public.url.clone(),
        None => format!("http://{address}"),
    };
    if !std::io::stdout().is_terminal() {
        let line = json!({"listening": format!("http://{address}"), "url": url});
        results.write(&format!("{line}\n"));
    }
    if results.have_failed() {
        return Ok(Exit::Failed);
    }
    if args.token_file.is_some() {
        printer.note(&format!(
            "serving the runs of {} at {url}; Ctrl-C ends it",
            store.address()
        ));
    } else {
        printer.note(&format!("serving the runs of {} at", store.address()));
        // Browsers do not send the part after #, so it is in no log.
        printer.always(&format!("{url}/login#{}", token.expose_secret()));
        printer.note(
            "anyone with this address can see the runs until the command ends; Ctrl-C ends it",
        );
    }
    drop(token);
    let stop = async {
        tokio::select! {
            _ = signals.next() => {}
            // Pages that are not renewed would seem current.
            _ = &mut reader => {}
        }
    };
    http::serve(listener, Arc::new(site), stop, || {
        end.send_replace(true);
    })
    .await;
    if reader.is_finished() {
        return Err(
            CliError::new(Exit::Failed, "the reader of the store ended abnormally").hint(
                "start the command again, and report what it printed: this is a fault of ecsctl",
            ),
        );
    }
    reader.abort();
    Ok(Exit::Success)
}

/// Refuses an address that other machines can reach without TLS, unless `--plain-http` is given.
fn check_listen(args: &Serve, printer: &Printer) -> Result<(), CliError> {
    if args.listen.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    let listen = args.listen;
    if !args.plain_http {
        return Err(CliError::usage(format!(
            "--listen {listen}: other machines can reach this address, and without TLS anyone who can read the traffic sees the token and the pages"
        ))
        .hint(
            "listen on 127.0.0.1, behind a proxy with TLS on this machine; or, where only such a proxy can reach the address, add --plain-http",
        ));
    }
    printer.warn(&format!(
        "{listen} is served without TLS: only a proxy with TLS should be able to reach it"
    ));
    Ok(())
}

fn settings(args: &Serve, store: &Store, address: SocketAddr) -> Settings {
    let is_https = |url: &PublicUrl| url.is_https;
    let is_secure = args.public_url.as_ref().is_some_and(is_https);
    Settings {
        public_host: args.public_url.as_ref().map(|url| url.host.clone()),
        is_secure,
        // Cookies of a host are shared by its ports. The prefix binds one to this host and to TLS.
        cookie: if is_secure {
            "__Host-ecsctl".to_owned()
        } else {
            format!("ecsctl_{}", address.port())
        },
        store: store.address().to_owned(),
    }
}
