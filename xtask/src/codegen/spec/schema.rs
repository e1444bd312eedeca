//! Schemas: the keywords of JSON Schema that the description uses, each only where it has an
//! effect.

use super::super::Problem;
use super::super::yaml::{Key, Node, Value};
use super::fields::{Fields, list, map, name, text};

/// The types that a value may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Boolean,
    Integer,
    String,
    Array,
    Object,
}

#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) line: usize,
    pub(crate) description: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) handwritten: Option<Key>,
    pub(crate) reference: Option<Key>,
    pub(crate) types: Vec<Type>,
    pub(crate) constant: Option<Key>,
    pub(crate) one_of: Vec<Schema>,
    pub(crate) any_of: Vec<Schema>,
    pub(crate) known_values: Vec<Schema>,
    pub(crate) minimum: Option<i64>,
    pub(crate) maximum: Option<i64>,
    pub(crate) default: Option<i64>,
    pub(crate) min_items: Option<i64>,
    pub(crate) max_items: Option<i64>,
    pub(crate) unique_items: Option<bool>,
    pub(crate) unique: Option<String>,
    pub(crate) items: Option<Box<Schema>>,
    pub(crate) additional: Option<bool>,
    pub(crate) keeps_rest: bool,
    pub(crate) required: Vec<Key>,
    pub(crate) properties: Vec<(Key, Schema)>,
}

/// The types to which keywords apply.
const APPLIES: &[(&str, Type)] = &[
    ("pattern", Type::String),
    ("minLength", Type::String),
    ("maxLength", Type::String),
    ("x-ecs-known-values", Type::String),
    ("minimum", Type::Integer),
    ("maximum", Type::Integer),
    ("default", Type::Integer),
    ("minItems", Type::Array),
    ("maxItems", Type::Array),
    ("uniqueItems", Type::Array),
    ("x-ecs-unique", Type::Array),
    ("items", Type::Array),
    ("additionalProperties", Type::Object),
    ("x-ecs-keep-rest", Type::Object),
    ("required", Type::Object),
    ("properties", Type::Object),
];

pub(crate) fn read(node: &Node) -> Result<Schema, Problem> {
    let mut fields = Fields::of(node, "a schema")?;
    fields.optional_text("pattern")?;
    fields.optional_integer("minLength")?;
    fields.optional_integer("maxLength")?;
    let schemas = |node: Option<&Node>, keyword| {
        node.map_or(Ok(Vec::new()), |node| list(node, keyword, read))
    };
    let schema = Schema {
        line: fields.line(),
        description: fields.optional_text("description")?,
        source: fields.optional_text("x-ecs-source")?,
        handwritten: fields
            .optional("x-ecs-handwritten")
            .map(|node| name(node, "x-ecs-handwritten"))
            .transpose()?,
        reference: fields
            .optional("$ref")
            .map(|node| super::target_of(node, "schemas"))
            .transpose()?,
        types: fields.optional("type").map_or(Ok(Vec::new()), types)?,
        constant: fields
            .optional("const")
            .map(|node| name(node, "const"))
            .transpose()?,
        one_of: schemas(fields.optional("oneOf"), "oneOf")?,
        any_of: schemas(fields.optional("anyOf"), "anyOf")?,
        known_values: schemas(fields.optional("x-ecs-known-values"), "x-ecs-known-values")?,
        minimum: fields.optional_integer("minimum")?,
        maximum: fields.optional_integer("maximum")?,
        default: fields.optional_integer("default")?,
        min_items: fields.optional_integer("minItems")?,
        max_items: fields.optional_integer("maxItems")?,
        unique_items: fields.optional_flag("uniqueItems")?,
        unique: fields.optional_text("x-ecs-unique")?,
        items: fields
            .optional("items")
            .map(|node| read(node).map(Box::new))
            .transpose()?,
        additional: fields.optional_flag("additionalProperties")?,
        keeps_rest: fields.optional_flag("x-ecs-keep-rest")?.unwrap_or(false),
        required: fields.optional("required").map_or(Ok(Vec::new()), |node| {
            list(node, "required", |node| name(node, "required"))
        })?,
        properties: fields
            .optional("properties")
            .map_or(Ok(Vec::new()), |node| map(node, "properties", read))?,
    };
    fields.finish()?;
    check(node, &schema)?;
    Ok(schema)
}

/// Refuses keywords without an effect, and dangling names.
fn check(node: &Node, schema: &Schema) -> Result<(), Problem> {
    let entries = super::fields::entries(node, "a schema")?;
    let has = |keyword: &str| entries.iter().find(|(key, _)| key.text == keyword);
    for (keyword, needed) in APPLIES {
        if let Some((key, _)) = has(keyword)
            && !schema.types.contains(needed)
        {
            return Err(Problem::new(
                key.line,
                format!(
                    "`{keyword}` says nothing without `type: {}`; correct one of them",
                    format!("{needed:?}").to_lowercase()
                ),
            ));
        }
    }
    for whole in ["$ref", "anyOf"] {
        let other = entries
            .iter()
            .find(|(key, _)| key.text != whole && key.text != "description");
        if let (Some(_), Some((key, _))) = (has(whole), other) {
            return Err(Problem::new(
                key.line,
                format!("`{}` says nothing beside `{whole}`; remove one", key.text),
            ));
        }
    }
    for keyword in ["pattern", "minLength", "maxLength"] {
        if let (Some((key, _)), None) = (has(keyword), &schema.handwritten) {
            return Err(Problem::new(
                key.line,
                format!(
                    "`{keyword}` is checked by types written by hand only; see x-ecs-handwritten"
                ),
            ));
        }
    }
    if schema.types.contains(&Type::Object) && schema.additional.is_none() {
        return Err(Problem::new(
            schema.line,
            "an object must say `additionalProperties`: false in a request, true in an answer",
        ));
    }
    if let (Some((key, _)), Some(false)) = (has("x-ecs-keep-rest"), schema.additional) {
        return Err(Problem::new(
            key.line,
            "an object without additional properties has no rest; remove `x-ecs-keep-rest`",
        ));
    }
    bounds(node, schema)?;
    for required in &schema.required {
        if !schema
            .properties
            .iter()
            .any(|(key, _)| key.text == required.text)
        {
            return Err(Problem::new(
                required.line,
                format!(
                    "`{}` is required but is not among the properties",
                    required.text
                ),
            ));
        }
    }
    Ok(())
}

/// Refuses unsatisfiable bounds.
fn bounds(node: &Node, schema: &Schema) -> Result<(), Problem> {
    let entries = super::fields::entries(node, "a schema")?;
    let outside = |keyword: &str, value: Option<i64>, least: Option<i64>, most: Option<i64>| {
        let found = entries.iter().find(|(key, _)| key.text == keyword);
        match (found, value) {
            (Some((key, _)), Some(value))
                if least.is_some_and(|least| value < least)
                    || most.is_some_and(|most| value > most) =>
            {
                Err(Problem::new(
                    key.line,
                    format!("`{keyword}` is {value}, which the bounds beside it exclude"),
                ))
            }
            _ => Ok(()),
        }
    };
    let (minimum, maximum) = (schema.minimum, schema.maximum);
    outside("maximum", maximum, minimum, None)?;
    outside("default", schema.default, minimum, maximum)?;
    outside("maxItems", schema.max_items, schema.min_items, None)
}

fn types(node: &Node) -> Result<Vec<Type>, Problem> {
    let one = |node: &Node| {
        let text = text(node, "type")?;
        match text.as_str() {
            "null" => Ok(Type::Null),
            "boolean" => Ok(Type::Boolean),
            "integer" => Ok(Type::Integer),
            "string" => Ok(Type::String),
            "array" => Ok(Type::Array),
            "object" => Ok(Type::Object),
            _ => Err(Problem::new(
                node.line,
                format!(
                    "{text:?} is not a type; it may be null, boolean, integer, string, array, object"
                ),
            )),
        }
    };
    match &node.value {
        Value::List(_) => list(node, "type", one),
        _ => Ok(vec![one(node)?]),
    }
}
