//! Paths to operations.

use super::super::Problem;
use super::super::ir::{Kind, Method, Operation, PathId, Segment, Shape};
use super::super::spec::{self, Schema, Spec};
use super::super::yaml::Key;
use super::names::{distinct, type_name};
use super::paths::segments;
use super::requests::{body, parameters, resolve};
use super::{HANDWRITTEN, Schemas};

/// The path to which `action.rs` sends the actions.
const ACTIONS: &str = "/v1/{project_id}/cloudservers/action";

pub(super) fn lower(spec: &Spec, schemas: Schemas<'_>) -> Result<Vec<Operation>, Problem> {
    distinguishable(spec)?;
    let mut operations = Vec::new();
    let mut names = Vec::new();
    for (template, path) in &spec.paths {
        let (root, segments) = segments(template, path, spec)?;
        let methods = [(Method::Get, &path.get), (Method::Post, &path.post)];
        for (method, operation) in methods {
            let Some(operation) = operation else { continue };
            let context = Context {
                spec,
                schemas,
                template,
                root,
                segments: &segments,
                method,
                operation,
            };
            let actions = operation.actions.iter().map(|action| &action.id);
            for id in std::iter::once(&operation.id).chain(actions) {
                type_name(id)?;
                names.push((id.text.as_str(), id.line));
            }
            operations.extend(context.lower()?);
        }
    }
    distinct("operationId", names.into_iter())?;
    Ok(operations)
}

/// Returns the segments of a path, without the names of its parameters.
fn nameless(template: &Key) -> Vec<String> {
    let segments = template.text.split('/');
    segments
        .map(|segment| {
            if segment.starts_with('{') {
                "{}".to_owned()
            } else {
                segment.to_owned()
            }
        })
        .collect()
}

/// Fails if two paths differ only in the names of their parameters: they could not be
/// distinguished.
fn distinguishable(spec: &Spec) -> Result<(), Problem> {
    let mut seen: Vec<(Vec<String>, usize)> = Vec::new();
    for (template, _) in &spec.paths {
        let path = nameless(template);
        if let Some((_, first)) = seen.iter().find(|(other, _)| *other == path) {
            return Err(Problem::new(
                template.line,
                format!(
                    "only the names of its parameters tell this path from the one in line {first}"
                ),
            ));
        }
        seen.push((path, template.line));
    }
    Ok(())
}

/// Returns the content of a response, which may be under `components`.
pub(super) fn content<'a>(
    response: &'a spec::Response,
    spec: &'a Spec,
) -> Result<Option<&'a spec::Content>, Problem> {
    let reference = match response {
        spec::Response::Inline(content) => return Ok(content.as_deref()),
        spec::Response::Reference(reference) => reference,
    };
    match spec
        .responses
        .iter()
        .find(|(key, _)| key.text == reference.text)
    {
        Some((_, spec::Response::Inline(content))) => Ok(content.as_deref()),
        _ => Err(Problem::new(
            reference.line,
            format!("there is no response `{}` under components", reference.text),
        )),
    }
}

struct Context<'a> {
    spec: &'a Spec,
    schemas: Schemas<'a>,
    template: &'a Key,
    root: &'a str,
    segments: &'a [Segment],
    method: Method,
    operation: &'a spec::Operation,
}

impl Context<'_> {
    fn lower(&self) -> Result<Vec<Operation>, Problem> {
        let operation = self.operation;
        let idempotent = self.idempotent()?;
        let output = self.output()?;
        let make = |name: &Key, summary: &str, doc: &str, source: &str, shape| Operation {
            name: name.text.clone(),
            summary: summary.to_owned(),
            doc: doc.to_owned(),
            source: source.to_owned(),
            method: self.method,
            root: self.root.to_owned(),
            path: self.segments.to_vec(),
            idempotent,
            output: output.clone(),
            shape,
        };
        if self.method == Method::Post {
            let lower = |action: &spec::Action| {
                let shape = self.action(action)?;
                Ok(make(
                    &action.id,
                    &action.summary,
                    &action.description,
                    &action.source,
                    shape,
                ))
            };
            self.check_actions()?;
            return operation.actions.iter().map(lower).collect();
        }
        let source = operation.source.as_deref().ok_or_else(|| {
            Problem::new(
                operation.line,
                "the operation needs x-ecs-source: the page that it is described on",
            )
        })?;
        if operation.body.is_some() || !operation.actions.is_empty() {
            return Err(Problem::new(
                operation.line,
                "a GET has neither a body nor actions",
            ));
        }
        let last = self
            .segments
            .iter()
            .rev()
            .find_map(|segment| match segment {
                Segment::Id { name, ty } => Some(PathId {
                    name: name.clone(),
                    ty: ty.clone(),
                    doc: self.parameter_doc(name),
                }),
                Segment::Literal(_) => None,
            });
        let shape = match last {
            Some(id) if operation.parameters.is_empty() => Shape::Show(id),
            of => Shape::List {
                of,
                parameters: parameters(&operation.parameters)?,
            },
        };
        Ok(vec![make(
            &operation.id,
            &operation.summary,
            &operation.description,
            source,
            shape,
        )])
    }

    /// Returns `true` if the operation may be sent twice.
    fn idempotent(&self) -> Result<bool, Problem> {
        let idempotency = &self.operation.idempotency;
        match (idempotency.text.as_str(), self.method) {
            ("idempotent", Method::Get) => Ok(true),
            ("not-idempotent", Method::Post) => Ok(false),
            ("idempotent", Method::Post) => Err(Problem::new(
                idempotency.line,
                "a POST acts anew each time it is accepted: it is not-idempotent",
            )),
            ("not-idempotent", Method::Get) => Err(Problem::new(
                idempotency.line,
                "a GET is idempotent; say so, or use another method",
            )),
            (other, _) => Err(Problem::new(
                idempotency.line,
                format!("`x-ecs-idempotency` is {other:?}; it may be idempotent or not-idempotent"),
            )),
        }
    }

    fn parameter_doc(&self, name: &str) -> String {
        let found = self
            .spec
            .parameters
            .iter()
            .find(|(_, parameter)| parameter.name.text == name);
        found
            .map(|(_, parameter)| parameter.description.clone())
            .unwrap_or_default()
    }

    /// Returns the type of an answer with status 200.
    fn output(&self) -> Result<String, Problem> {
        let responses = &self.operation.responses;
        let needed = || {
            Problem::new(
                self.operation.line,
                "the response \"200\" must have a schema that refers to an object of components",
            )
        };
        let (_, response) = responses
            .iter()
            .find(|(key, _)| key.text == "200")
            .ok_or_else(needed)?;
        let content = content(response, self.spec)?.ok_or_else(needed)?;
        let reference = content.schema.reference.as_ref().ok_or_else(needed)?;
        let target = self.schemas.get(reference)?;
        let handwritten = target.handwritten.as_ref();
        let fits = match handwritten {
            Some(name) => HANDWRITTEN.contains(&name.text.as_str()),
            None => target.additional == Some(true),
        };
        if fits {
            Ok(reference.text.clone())
        } else {
            Err(needed())
        }
    }

    /// Checks that the body is `oneOf` exactly the bodies of the actions.
    fn check_actions(&self) -> Result<(), Problem> {
        let operation = self.operation;
        if operation.actions.is_empty() || self.template.text != ACTIONS {
            return Err(Problem::new(
                operation.line,
                format!("a POST must have x-ecs-actions and the path {ACTIONS}"),
            ));
        }
        let body = operation
            .body
            .as_ref()
            .ok_or_else(|| Problem::new(operation.line, "a POST needs a requestBody"))?;
        let names = |schema: &Schema| {
            schema
                .reference
                .as_ref()
                .map(|reference| reference.text.clone())
        };
        let bodies: Vec<_> = body.schema.one_of.iter().map(names).collect();
        let named: Vec<_> = operation
            .actions
            .iter()
            .map(|action| Some(action.body.text.clone()))
            .collect();
        if bodies != named {
            return Err(Problem::new(
                body.schema.line,
                "the body must be `oneOf` the bodies of x-ecs-actions, in their order",
            ));
        }
        Ok(())
    }

    fn action(&self, action: &spec::Action) -> Result<Shape, Problem> {
        let schema = self.schemas.get(&action.body)?;
        let unfit = || {
            Problem::new(
                action.body.line,
                format!(
                    "the body of an action must be an object with the one field `{}`, an object of servers and perhaps a type",
                    action.key
                ),
            )
        };
        let body = body(schema, self.schemas)?;
        let [(key, inner)] = schema.properties.as_slice() else {
            return Err(unfit());
        };
        let only = |(key, _): &(Key, Schema)| ["servers", "type"].contains(&key.text.as_str());
        if key.text != action.key
            || schema.required.len() != 1
            || !inner.properties.iter().all(only)
        {
            return Err(unfit());
        }
        let field = |name: &str| inner.properties.iter().find(|(key, _)| key.text == name);
        let required = |name: &str| inner.required.iter().any(|key| key.text == name);
        let (_, servers) = field("servers").ok_or_else(unfit)?;
        let servers = resolve(servers, self.schemas)?;
        let (Some(min), Some(max), true) =
            (servers.min_items, servers.max_items, required("servers"))
        else {
            return Err(unfit());
        };
        let kind = match field("type") {
            None => None,
            Some((_, kind)) => {
                let reference = kind.reference.as_ref().ok_or_else(unfit)?;
                let target = self.schemas.get(reference)?;
                Some(Kind {
                    ty: reference.text.clone(),
                    required: required("type"),
                    doc: target.description.clone().unwrap_or_default(),
                })
            }
        };
        let limit = &action.servers_per_minute;
        Ok(Shape::Action {
            key: action.key.clone(),
            body,
            kind,
            min_servers: min,
            max_servers: max,
            servers_per_minute: limit
                .text
                .parse()
                .ok()
                .filter(|limit| *limit > 0)
                .ok_or_else(|| {
                    Problem::new(limit.line, "`servers_per_minute` must be at least 1")
                })?,
        })
    }
}
