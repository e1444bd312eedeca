//! `serve`: the runs of a store as web pages.

use crate::args::{Global, Serve};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::term::{Notes, Results};

#[cfg(feature = "serve")]
pub(crate) async fn run(
    args: &Serve,
    global: &Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    crate::serve::run(args, global, notes, results).await
}

#[cfg(not(feature = "serve"))]
pub(crate) async fn run(_: &Serve, _: &Global, _: &Notes, _: &mut Results) -> Result<Exit, Fail> {
    Err(
        Fail::usage("this ecsctl was built without the feature `serve`").hint(
            "build it with `cargo build --release -p ecs-cli --features serve,postgres` (or sqlite, for a store in a file)",
        ),
    )
}
