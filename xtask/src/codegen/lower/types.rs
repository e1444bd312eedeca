//! Schemas to types.

use super::super::Problem;
use super::super::ir::{Choice, Field, FieldType, TypeDef, TypeKind};
use super::super::spec::{Schema, Type};
use super::super::yaml::Key;
use super::names::{distinct, pascal, snake, type_name};
use super::{HANDWRITTEN, HANDWRITTEN_FIELDS, IDS, Schemas, TEXTS};

/// The field for members that x-ecs-keep-rest keeps.
const REST: &str = "rest";

/// Returns the types to generate: enums and the objects of answers. Bodies of requests become
/// tables beside their operation.
pub(super) fn lower(schemas: Schemas<'_>) -> Result<Vec<TypeDef>, Problem> {
    let mut types = Vec::new();
    for (key, schema) in schemas.0 {
        type_name(key)?;
        let kind = if let Some(name) = &schema.handwritten {
            handwritten(key, name)?;
            continue;
        } else if !schema.one_of.is_empty() && schema.types == [Type::String] {
            TypeKind::ClosedEnum(choices(&schema.one_of)?)
        } else if !schema.known_values.is_empty() {
            TypeKind::OpenEnum(choices(&schema.known_values)?)
        } else if schema.types == [Type::Object] && schema.additional == Some(true) {
            TypeKind::Struct {
                fields: fields(schema, schemas)?,
                keeps_rest: schema.keeps_rest,
            }
        } else if [Some(false), None].contains(&schema.additional)
            && (schema.types == [Type::Object] || schema.types == [Type::Array])
        {
            continue;
        } else {
            return Err(Problem::new(
                key.line,
                format!(
                    "no type can be made of `{}`: an enum, an object, a list for requests or x-ecs-handwritten is needed",
                    key.text
                ),
            ));
        };
        types.push(TypeDef {
            name: key.text.clone(),
            doc: description(schema, key)?,
            source: schema.source.clone().ok_or_else(|| {
                Problem::new(
                    key.line,
                    format!(
                        "`{}` needs x-ecs-source: the page that it is described on",
                        key.text
                    ),
                )
            })?,
            kind,
        });
    }
    Ok(types)
}

fn handwritten(key: &Key, name: &Key) -> Result<(), Problem> {
    let known = || IDS.iter().chain(TEXTS).chain(HANDWRITTEN);
    if known().any(|known| *known == name.text) {
        return Ok(());
    }
    let known: Vec<&str> = known().copied().collect();
    Err(Problem::new(
        name.line,
        format!(
            "`{}` says that {} is written by hand, but there are only {}",
            key.text,
            name.text,
            known.join(", ")
        ),
    ))
}

fn description(schema: &Schema, key: &Key) -> Result<String, Problem> {
    schema.description.clone().ok_or_else(|| {
        Problem::new(
            key.line,
            format!("`{}` needs a description: it documents the code", key.text),
        )
    })
}

fn choices(values: &[Schema]) -> Result<Vec<Choice>, Problem> {
    let choice = |value: &Schema| {
        let wire = value
            .constant
            .as_ref()
            .ok_or_else(|| Problem::new(value.line, "a value needs `const`"))?;
        Ok((
            Choice {
                variant: pascal(wire)?,
                wire: wire.text.clone(),
                doc: description(value, wire)?,
            },
            wire.line,
        ))
    };
    let choices: Vec<(Choice, usize)> = values.iter().map(choice).collect::<Result<_, _>>()?;
    distinct(
        "value",
        choices
            .iter()
            .map(|(choice, line)| (choice.variant.as_str(), *line)),
    )?;
    if let Some((_, line)) = choices
        .iter()
        .find(|(choice, _)| choice.variant == "Unknown")
    {
        return Err(Problem::new(
            *line,
            "`Unknown` stands for every value that is not listed; leave this one out",
        ));
    }
    Ok(choices.into_iter().map(|(choice, _)| choice).collect())
}

fn fields(schema: &Schema, schemas: Schemas<'_>) -> Result<Vec<Field>, Problem> {
    if let Some(required) = schema.required.first() {
        return Err(Problem::new(
            required.line,
            "nothing is required of an answer: it is read as far as it goes",
        ));
    }
    let field = |(key, schema): &(Key, Schema)| {
        Ok((
            Field {
                name: snake(key)?,
                wire: key.text.clone(),
                doc: description(schema, key)?,
                ty: field_type(key, schema, schemas)?,
            },
            key.line,
        ))
    };
    let fields: Vec<(Field, usize)> = schema
        .properties
        .iter()
        .map(field)
        .collect::<Result<_, _>>()?;
    distinct(
        "field",
        fields
            .iter()
            .map(|(field, line)| (field.name.as_str(), *line)),
    )?;
    if let Some((field, line)) = fields.iter().find(|(field, _)| field.name == REST)
        && schema.keeps_rest
    {
        return Err(Problem::new(
            *line,
            format!(
                "`{}` would be named like what x-ecs-keep-rest keeps; rename it",
                field.wire
            ),
        ));
    }
    Ok(fields.into_iter().map(|(field, _)| field).collect())
}

fn field_type(key: &Key, schema: &Schema, schemas: Schemas<'_>) -> Result<FieldType, Problem> {
    let unfit = || {
        Problem::new(
            key.line,
            format!(
                "the field `{}` of an answer must be a scalar, a reference, one of them or null, or a list of them",
                key.text
            ),
        )
    };
    // `anyOf` a reference and null is the reference: everything in an answer may be null.
    let not_null: Vec<&Schema> = schema
        .any_of
        .iter()
        .filter(|schema| schema.types != [Type::Null])
        .collect();
    if let [only] = not_null.as_slice() {
        return field_type(key, only, schemas);
    }
    if let Some(reference) = &schema.reference {
        let target = schemas.get(reference)?;
        let name = reference.text.clone();
        return match (&target.handwritten, target.additional) {
            (Some(_), _) if IDS.iter().chain(TEXTS).any(|known| *known == name) => {
                Ok(FieldType::Scalar(name))
            }
            (Some(_), _) if HANDWRITTEN_FIELDS.contains(&name.as_str()) => {
                Ok(FieldType::Object(name))
            }
            (None, Some(true)) => Ok(FieldType::Object(name)),
            (None, None) if !target.known_values.is_empty() => Ok(FieldType::Scalar(name)),
            _ => Err(unfit()),
        };
    }
    if let Some(items) = &schema.items {
        return match field_type(key, items, schemas)? {
            FieldType::Scalar(name) => Ok(FieldType::Scalars(name)),
            FieldType::Object(name) => Ok(FieldType::Objects(name)),
            _ => Err(unfit()),
        };
    }
    let types: Vec<Type> = schema
        .types
        .iter()
        .copied()
        .filter(|kind| *kind != Type::Null)
        .collect();
    let name = match types.as_slice() {
        [Type::Integer] if schema.minimum.is_some_and(|minimum| minimum >= 0) => "u64",
        [Type::Integer] => "i64",
        [Type::Boolean] => "bool",
        // A text that may arrive as a number is kept as a text.
        [Type::String] | [Type::String, Type::Integer] => "String",
        _ => return Err(unfit()),
    };
    Ok(FieldType::Scalar(name.to_owned()))
}
