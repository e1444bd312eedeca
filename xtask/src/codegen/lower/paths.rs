//! Paths: the part before the project, and the segments after it.

use super::super::Problem;
use super::super::ir::Segment;
use super::super::spec::{self, Spec};
use super::super::yaml::Key;
use super::IDS;
use super::names::snake;

/// Returns whether a path may begin like this before the project: `/v1`, `/v2.1` (the compute API
/// of OpenStack), `/v3` (Cloud Trace Service), or one name and `/v1`.
fn is_root(root: &str) -> bool {
    match root.strip_prefix('/').map(|root| root.split_once('/')) {
        Some(None) => matches!(root, "/v1" | "/v2.1" | "/v3"),
        Some(Some((name, version))) => {
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            version == "v1" && !name.is_empty() && name.chars().all(plain)
        }
        None => false,
    }
}

/// Splits a path into the part before the project and the segments after it.
pub(super) fn segments<'a>(
    template: &'a Key,
    path: &spec::Path,
    spec: &Spec,
) -> Result<(&'a str, Vec<Segment>), Problem> {
    let wrong = |message: String| Problem::new(template.line, message);
    let (root, rest) = template
        .text
        .split_once("/{project_id}/")
        .filter(|(root, _)| is_root(root))
        .ok_or_else(|| {
            wrong(
                "a path must begin with /v1/{project_id}/, /v2.1/{project_id}/, /v3/{project_id}/ or /NAME/v1/{project_id}/"
                    .to_owned(),
            )
        })?;
    let mut parameters = Vec::new();
    for reference in &path.parameters {
        let found = spec
            .parameters
            .iter()
            .find(|(key, _)| key.text == reference.text);
        let (_, parameter) = found.ok_or_else(|| {
            Problem::new(
                reference.line,
                format!(
                    "there is no parameter `{}` under components",
                    reference.text
                ),
            )
        })?;
        if parameter.location.text != "path" || !parameter.required {
            return Err(Problem::new(
                parameter.location.line,
                "a parameter that paths share must be `in: path` and `required: true`",
            ));
        }
        let ty = parameter.schema.reference.as_ref();
        let ty = ty
            .filter(|ty| IDS.contains(&ty.text.as_str()))
            .ok_or_else(|| {
                Problem::new(
                    parameter.schema.line,
                    format!("a path parameter must be one of {}", IDS.join(", ")),
                )
            })?;
        parameters.push((&parameter.name, ty));
    }
    let named = |name: &str| parameters.iter().find(|(known, _)| known.text == name);
    let undeclared = |name: &str| {
        wrong(format!(
            "the path names {{{name}}}, but not among its parameters"
        ))
    };
    named("project_id").ok_or_else(|| undeclared("project_id"))?;
    let mut segments = Vec::new();
    for segment in rest.split('/') {
        let name = segment
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'));
        segments.push(match name {
            None => Segment::Literal(segment.to_owned()),
            Some(name) => {
                let (name, ty) = named(name).ok_or_else(|| undeclared(name))?;
                Segment::Id {
                    name: snake(name)?,
                    ty: ty.text.clone(),
                }
            }
        });
    }
    if let Some((name, _)) = parameters
        .iter()
        .find(|(name, _)| !template.text.contains(&format!("{{{}}}", name.text)))
    {
        return Err(wrong(format!(
            "the parameter `{}` is not in the path",
            name.text
        )));
    }
    Ok((root, segments))
}
