//! `serve`: the runs of a store as web pages.

use crate::args::{Global, Serve};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::term::{Printer, Results};

#[cfg(feature = "serve")]
pub(crate) async fn run(
    args: &Serve,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    crate::serve::run(args, global, printer, results).await
}

#[cfg(not(feature = "serve"))]
pub(crate) async fn run(
    _: &Serve,
    _: &Global,
    _: &Printer,
    _: &mut Results,
) -> Result<Exit, CliError> {
    Err(
        CliError::usage("this ecsctl was built without the feature `serve`").hint(
            "build it with `cargo build --release -p ecs-cli --features serve,postgres` (or sqlite, for a store in a file)",
        ),
    )
}
