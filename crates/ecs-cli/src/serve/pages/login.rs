//! The page that asks for the token.

use super::frame::document;
use crate::render::page::escape;

/// Writes the page that asks for the token. `next` is the path after the login.
pub(in crate::serve) fn login(next: &str, problem: Option<&str>) -> String {
    let problem = problem.map(|problem| {
        format!(
            "<p id=\"problem\" class=\"away\" role=\"alert\">{}</p>\n",
            escape(problem)
        )
    });
    let described = problem.as_ref().map_or("hint", |_| "problem hint");
    let body = format!(
        "<main id=\"main\"><h1>Runs of ecsctl</h1>\n{}\
         <form id=\"login\" class=\"login\" method=\"post\" action=\"/login\">\n\
         <input type=\"hidden\" name=\"next\" value=\"{}\">\n\
         <label for=\"token\">Token</label>\n\
         <input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" required autofocus aria-describedby=\"{described}\">\n\
         <button>Log in</button>\n</form>\n\
         <p id=\"hint\">It is in the address that <code>ecsctl serve</code> printed when it was started, or in the file that \
         <code>--token-file</code> names.</p></main>",
        problem.unwrap_or_default(),
        escape(next),
    );
    document("Log in", "<script src=\"/login.js\" defer></script>", &body)
}
