//! The common parts of all pages.

use jiff::Timestamp;

use super::when::when;
use crate::render::page::escape;
use crate::serve::hub::Board;
use crate::serve::view::View;

/// The frame of a page.
pub(in crate::serve) struct Frame<'a> {
    /// The store, without a password.
    pub(in crate::serve) store: &'a str,
    pub(in crate::serve) now: Timestamp,
}

impl Frame<'_> {
    /// Writes a page that updates itself, with the path of its events and its version.
    pub(super) fn live(
        &self,
        title: &str,
        board: &Board,
        events: &str,
        view: &View,
        body: &str,
    ) -> String {
        let main = format!(
            "<main id=\"main\" data-events=\"{events}\" data-version=\"{}\" data-now=\"{:.0}\">\n\
             <div id=\"banner\" role=\"status\" aria-live=\"polite\">{}</div>\n{body}</main>",
            escape(&view.version),
            self.now,
            banner(board),
        );
        // Without scripts it is loaded again.
        let head = "<script src=\"/live.js\" defer></script>\
                    <noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>";
        self.page(title, head, &main)
    }

    fn page(&self, title: &str, head: &str, main: &str) -> String {
        let header = "<header><nav aria-label=\"Pages\"><a href=\"/\">Runs</a></nav>\
                      <p id=\"live\" role=\"status\" aria-live=\"polite\"></p>\
                      <form method=\"post\" action=\"/logout\"><button>Log out</button></form></header>\n";
        let footer = format!(
            "<footer>{} · {} · all times are UTC · read-only</footer>\n",
            escape(self.store),
            escape(concat!("ecsctl ", env!("CARGO_PKG_VERSION")))
        );
        document(title, head, &format!("{header}{main}\n{footer}"))
    }
}

/// Returns the banner about a store that cannot be read; empty if it can.
pub(in crate::serve) fn banner(board: &Board) -> String {
    match &board.failure {
        None => String::new(),
        Some(failure) => format!(
            "<p class=\"away\"><strong>The store cannot be read.</strong> What is shown is what was known at {}. \
             Trying again. Cause: {}</p>",
            when(board.read_at, None),
            escape(failure)
        ),
    }
}

/// Writes a page with one message.
pub(in crate::serve) fn message(title: &str, text: &str) -> String {
    let body = format!(
        "<main id=\"main\"><h1>{}</h1>\n<p>{}</p>\n<p><a href=\"/\">Runs</a></p></main>",
        escape(title),
        escape(text)
    );
    document(title, "", &body)
}

/// Writes a document.
pub(super) fn document(title: &str, head: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{} · ecsctl</title><link rel=\"icon\" href=\"/icon.svg\">\
         <link rel=\"stylesheet\" href=\"/style.css\">{head}</head><body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the content</a>\n{body}</body></html>\n",
        escape(title)
    )
}
