//! `schema`: the JSON Schemas of the reports and events.

use crate::args::{Schema, SchemaOf};
use crate::exit::Exit;
use crate::term::Results;

const REPORT: &str = include_str!("../../schema/report.schema.json");
const EVENTS: &str = include_str!("../../schema/events.schema.json");

pub(crate) fn run(args: Schema, results: &mut Results) -> Exit {
    results.write(match args.of {
        SchemaOf::Report => REPORT,
        SchemaOf::Events => EVENTS,
    });
    Exit::Success
}
