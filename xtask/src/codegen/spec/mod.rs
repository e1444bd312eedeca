//! The description as written: every unknown keyword is an error. `lower` interprets it.

mod errors;
mod fields;
mod schema;

pub(crate) use errors::{CodeSpec, ErrorGroup};
pub(crate) use schema::{Schema, Type};

use super::Problem;
use super::yaml::{Key, Node};
use fields::{Fields, list, map, name};

#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) paths: Vec<(Key, Path)>,
    pub(crate) parameters: Vec<(Key, Parameter)>,
    pub(crate) responses: Vec<(Key, Response)>,
    pub(crate) schemas: Vec<(Key, Schema)>,
    pub(crate) errors: Vec<ErrorGroup>,
}

#[derive(Debug)]
pub(crate) struct Path {
    /// References to parameters under `components`.
    pub(crate) parameters: Vec<Key>,
    pub(crate) get: Option<Operation>,
    pub(crate) post: Option<Operation>,
}

#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) line: usize,
    pub(crate) id: Key,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) idempotency: Key,
    pub(crate) source: Option<String>,
    pub(crate) actions: Vec<Action>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Content>,
    pub(crate) responses: Vec<(Key, Response)>,
}

#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) id: Key,
    pub(crate) key: String,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) body: Key,
    pub(crate) servers_per_minute: Key,
    pub(crate) source: String,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: Key,
    pub(crate) location: Key,
    pub(crate) required: bool,
    pub(crate) description: String,
    pub(crate) schema: Schema,
}

#[derive(Debug)]
pub(crate) enum Response {
    /// A response under `components`.
    Reference(Key),
    Inline(Option<Box<Content>>),
}

#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) schema: Schema,
}

/// Reads a description.
pub(crate) fn read(document: &Node) -> Result<Spec, Problem> {
    let mut fields = Fields::of(document, "the description")?;
    let version = name(fields.required("openapi")?, "openapi")?;
    if version.text != "3.1.0" {
        return Err(Problem::new(
            version.line,
            format!("`openapi` is {:?}; only \"3.1.0\" is read", version.text),
        ));
    }
    let mut info = Fields::of(fields.required("info")?, "`info`")?;
    for keyword in ["title", "version", "description"] {
        info.text(keyword)?;
    }
    info.finish()?;
    let paths = map(fields.required("paths")?, "paths", path)?;
    let mut components = Fields::of(fields.required("components")?, "`components`")?;
    let spec = Spec {
        paths,
        parameters: map(components.required("parameters")?, "parameters", parameter)?,
        responses: map(components.required("responses")?, "responses", response)?,
        schemas: map(components.required("schemas")?, "schemas", schema::read)?,
        errors: list(
            fields.required("x-ecs-errors")?,
            "x-ecs-errors",
            errors::read,
        )?,
    };
    components.finish()?;
    fields.finish()?;
    Ok(spec)
}

fn path(node: &Node) -> Result<Path, Problem> {
    let mut fields = Fields::of(node, "a path")?;
    let parameters = fields.optional("parameters");
    let path = Path {
        parameters: parameters
            .map(|node| list(node, "parameters", |node| reference(node, "parameters")))
            .transpose()?
            .unwrap_or_default(),
        get: fields.optional("get").map(operation).transpose()?,
        post: fields.optional("post").map(operation).transpose()?,
    };
    fields.finish()?;
    Ok(path)
}

fn operation(node: &Node) -> Result<Operation, Problem> {
    let mut fields = Fields::of(node, "an operation")?;
    let actions = fields.optional("x-ecs-actions");
    let parameters = fields.optional("parameters");
    let operation = Operation {
        line: fields.line(),
        id: name(fields.required("operationId")?, "operationId")?,
        summary: fields.text("summary")?,
        description: fields.text("description")?,
        idempotency: name(fields.required("x-ecs-idempotency")?, "x-ecs-idempotency")?,
        source: fields.optional_text("x-ecs-source")?,
        actions: actions
            .map(|node| list(node, "x-ecs-actions", action))
            .transpose()?
            .unwrap_or_default(),
        parameters: parameters
            .map(|node| list(node, "parameters", parameter))
            .transpose()?
            .unwrap_or_default(),
        body: fields.optional("requestBody").map(body).transpose()?,
        responses: map(fields.required("responses")?, "responses", response)?,
    };
    fields.finish()?;
    Ok(operation)
}

fn action(node: &Node) -> Result<Action, Problem> {
    let mut fields = Fields::of(node, "an action")?;
    let limit = fields.required("servers_per_minute")?;
    let action = Action {
        id: name(fields.required("operationId")?, "operationId")?,
        key: fields.text("key")?,
        summary: fields.text("summary")?,
        description: fields.text("description")?,
        body: name(fields.required("body")?, "body")?,
        servers_per_minute: Key {
            line: limit.line,
            text: fields::integer(limit, "servers_per_minute")?.to_string(),
        },
        source: fields.text("source")?,
    };
    fields.finish()?;
    Ok(action)
}

fn parameter(node: &Node) -> Result<Parameter, Problem> {
    let mut fields = Fields::of(node, "a parameter")?;
    let parameter = Parameter {
        name: name(fields.required("name")?, "name")?,
        location: name(fields.required("in")?, "in")?,
        required: fields.optional_flag("required")?.unwrap_or(false),
        description: fields.text("description")?,
        schema: schema::read(fields.required("schema")?)?,
    };
    fields.optional("example");
    fields.finish()?;
    Ok(parameter)
}

fn body(node: &Node) -> Result<Content, Problem> {
    let mut fields = Fields::of(node, "a request body")?;
    fields.optional_flag("required")?;
    let content = content(fields.required("content")?)?;
    fields.finish()?;
    Ok(content)
}

fn response(node: &Node) -> Result<Response, Problem> {
    if fields::entries(node, "a response")?
        .iter()
        .any(|(key, _)| key.text == "$ref")
    {
        return reference(node, "responses").map(Response::Reference);
    }
    let mut fields = Fields::of(node, "a response")?;
    fields.text("description")?;
    let content = fields.optional("content").map(content).transpose()?;
    fields.finish()?;
    Ok(Response::Inline(content.map(Box::new)))
}

fn content(node: &Node) -> Result<Content, Problem> {
    let mut fields = Fields::of(node, "`content`")?;
    let mut json = Fields::of(fields.required("application/json")?, "a media type")?;
    let content = Content {
        schema: schema::read(json.required("schema")?)?,
    };
    if let Some(examples) = json.optional("examples") {
        map(examples, "examples", |node| {
            let mut example = Fields::of(node, "an example")?;
            example.text("summary")?;
            example.required("value")?;
            example.finish()
        })?;
    }
    json.finish()?;
    fields.finish()?;
    Ok(content)
}

/// Returns the name in `$ref: "#/components/<section>/<name>"`, which must be the only keyword.
fn reference(node: &Node, section: &str) -> Result<Key, Problem> {
    let mut fields = Fields::of(node, "a reference")?;
    let target = fields.required("$ref")?;
    fields.finish()?;
    target_of(target, section)
}

/// Returns the name in the value of a `$ref`.
fn target_of(target: &Node, section: &str) -> Result<Key, Problem> {
    let key = name(target, "$ref")?;
    let prefix = format!("#/components/{section}/");
    match key.text.strip_prefix(&prefix) {
        Some(name) => Ok(Key {
            line: key.line,
            text: name.to_owned(),
        }),
        None => Err(Problem::new(
            key.line,
            format!("`$ref` must begin with {prefix:?}, found {:?}", key.text),
        )),
    }
}
