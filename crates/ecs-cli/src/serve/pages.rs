//! The pages, as text. Pure.

mod frame;
mod list;
mod login;
mod run;
#[cfg(test)]
mod tests;
mod when;

pub(super) use frame::{Frame, banner, message};
pub(super) use list::{list, list_view};
pub(super) use login::login;
pub(super) use run::{run, shown};

use crate::render::page;

/// The style of all pages.
pub(super) fn style() -> String {
    format!(
        "{}\n{}\n{}",
        page::STYLE,
        page::only(),
        include_str!("pages/style.css")
    )
}

/// The script that updates a page.
pub(super) const SCRIPT: &str = include_str!("pages/live.js");
/// The script that logs in with the token of the printed address.
pub(super) const LOGIN_SCRIPT: &str = include_str!("pages/login.js");
pub(super) const ICON: &str = include_str!("pages/icon.svg");
