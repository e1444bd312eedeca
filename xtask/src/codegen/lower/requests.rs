//! The content of requests: the schemas of bodies, and query parameters.

use super::super::Problem;
use super::super::ir::{Body, BodyField, Parameter, ParameterKind};
use super::super::spec::{self, Schema, Type};
use super::super::yaml::Key;
use super::Schemas;
use super::names::{distinct, snake};

/// Returns the schema itself, or the one that it refers to.
pub(super) fn resolve<'a>(schema: &'a Schema, schemas: Schemas<'a>) -> Result<&'a Schema, Problem> {
    schema
        .reference
        .as_ref()
        .map_or(Ok(schema), |reference| schemas.get(reference))
}

/// Lowers the schema of a request.
pub(super) fn body(schema: &Schema, schemas: Schemas<'_>) -> Result<Body, Problem> {
    let line = schema.line;
    let schema = resolve(schema, schemas)?;
    if let Some(name) = &schema.handwritten {
        return match name.text.as_str() {
            "ServerId" => Ok(Body::ServerId),
            other => Err(Problem::new(
                line,
                format!("a request cannot hold a {other} yet"),
            )),
        };
    }
    match schema.types.as_slice() {
        [Type::Object] if schema.additional == Some(false) => {
            let field = |(key, inner): &(Key, Schema)| {
                Ok(BodyField {
                    name: key.text.clone(),
                    required: schema
                        .required
                        .iter()
                        .any(|required| required.text == key.text),
                    body: body(inner, schemas)?,
                })
            };
            schema
                .properties
                .iter()
                .map(field)
                .collect::<Result<_, _>>()
                .map(Body::Object)
        }
        [Type::Object] => Err(Problem::new(
            schema.line,
            "an object of a request is closed: it needs `additionalProperties: false`",
        )),
        [Type::Array] => match (&schema.items, schema.min_items, schema.max_items) {
            (Some(items), Some(min @ 0..), Some(max)) if min <= max => {
                if schema.unique_items != Some(schema.unique.is_some()) {
                    return Err(Problem::new(
                        schema.line,
                        "`uniqueItems` and `x-ecs-unique` belong together; give both, or uniqueItems: false",
                    ));
                }
                Ok(Body::List {
                    items: Box::new(body(items, schemas)?),
                    min,
                    max,
                    unique: schema.unique.clone(),
                })
            }
            _ => Err(Problem::new(
                schema.line,
                "a list of a request needs `items`, `minItems` and a `maxItems` that is not smaller",
            )),
        },
        [Type::String] if !schema.one_of.is_empty() => Ok(Body::OneOf(
            schema
                .one_of
                .iter()
                .filter_map(|value| Some(value.constant.as_ref()?.text.clone()))
                .collect(),
        )),
        _ => Err(Problem::new(
            line,
            "a request is made of closed objects, lists, closed enums and server ids",
        )),
    }
}

/// Lowers query parameters.
pub(super) fn parameters(parameters: &[spec::Parameter]) -> Result<Vec<Parameter>, Problem> {
    let lowered = parameters
        .iter()
        .map(parameter)
        .collect::<Result<Vec<_>, _>>()?;
    let lines = parameters.iter().map(|parameter| parameter.name.line);
    distinct(
        "parameter",
        lowered
            .iter()
            .map(|parameter| parameter.name.as_str())
            .zip(lines),
    )?;
    Ok(lowered)
}

fn parameter(parameter: &spec::Parameter) -> Result<Parameter, Problem> {
    if parameter.location.text != "query" || parameter.required {
        return Err(Problem::new(
            parameter.location.line,
            "a parameter of an operation must be `in: query` and not required",
        ));
    }
    let schema = &parameter.schema;
    let kind = match (schema.types.as_slice(), schema.minimum) {
        ([Type::String], _) => ParameterKind::Text,
        ([Type::Integer], Some(min @ 0..)) => ParameterKind::Integer {
            min,
            max: schema.maximum,
            default: schema.default,
        },
        _ => {
            return Err(Problem::new(
                schema.line,
                "a query parameter is a string, or an integer with a minimum of 0 or more",
            ));
        }
    };
    Ok(Parameter {
        name: snake(&parameter.name)?,
        wire: parameter.name.text.clone(),
        doc: parameter.description.clone(),
        kind,
    })
}
