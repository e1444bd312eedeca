//! From the description to the IR: everything that the code needs is checked here, and reported
//! with its line.

mod errors;
mod names;
mod operations;
mod paths;
mod requests;
mod types;

use super::Problem;
use super::ir::Ir;
use super::spec::{Schema, Spec};
use super::yaml::Key;

/// Ids of `ids.rs`, usable as the type of a field or a path parameter.
pub(crate) const IDS: &[&str] = &["ProjectId", "JobId", "ServerId", "ScalingGroupId"];
/// Other handwritten types of `ecs-model`; an answer may be one of them.
const HANDWRITTEN: &[&str] = &["Accepted", "ResponseError", "Addresses"];
/// Those of them that can be a field of an answer.
pub(crate) const HANDWRITTEN_FIELDS: &[&str] = &["Addresses"];
/// Handwritten texts of answers.
pub(crate) const TEXTS: &[&str] = &["ShortText"];

pub(crate) fn lower(spec: &Spec) -> Result<Ir, Problem> {
    let schemas = Schemas(&spec.schemas);
    let types = types::lower(schemas)?;
    let operations = operations::lower(spec, schemas)?;
    references(spec, schemas)?;
    let (errors, groups) = errors::lower(&spec.errors)?;
    Ok(Ir {
        types,
        operations,
        errors,
        groups,
    })
}

/// The schemas by name.
#[derive(Clone, Copy)]
struct Schemas<'a>(&'a [(Key, Schema)]);

impl<'a> Schemas<'a> {
    fn get(self, reference: &Key) -> Result<&'a Schema, Problem> {
        let found = self.0.iter().find(|(key, _)| key.text == reference.text);
        found.map(|(_, schema)| schema).ok_or_else(|| {
            Problem::new(
                reference.line,
                format!(
                    "there is no schema `{}` under components; add it or correct the reference",
                    reference.text
                ),
            )
        })
    }
}

/// Checks that every reference resolves, even if no code comes from it.
fn references(spec: &Spec, schemas: Schemas<'_>) -> Result<(), Problem> {
    for (_, schema) in &spec.schemas {
        schema_references(schema, schemas)?;
    }
    for (_, parameter) in &spec.parameters {
        schema_references(&parameter.schema, schemas)?;
    }
    let operations = spec
        .paths
        .iter()
        .flat_map(|(_, path)| path.get.iter().chain(&path.post));
    let inline = operations
        .clone()
        .flat_map(|operation| &operation.responses);
    for (_, response) in spec.responses.iter().chain(inline) {
        operations::content(response, spec)?.map_or(Ok(()), |content| {
            schema_references(&content.schema, schemas)
        })?;
    }
    for body in operations.filter_map(|operation| operation.body.as_ref()) {
        schema_references(&body.schema, schemas)?;
    }
    Ok(())
}

fn schema_references(schema: &Schema, schemas: Schemas<'_>) -> Result<(), Problem> {
    if let Some(reference) = &schema.reference {
        schemas.get(reference)?;
    }
    let nested = schema.properties.iter().map(|(_, schema)| schema);
    nested
        .chain(schema.items.as_deref())
        .chain(&schema.one_of)
        .chain(&schema.any_of)
        .try_for_each(|schema| schema_references(schema, schemas))
}
