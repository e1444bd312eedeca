//! The input of the emitters: the checked description in terms of the code.

#[derive(Debug)]
pub(crate) struct Ir {
    /// In the description's order.
    pub(crate) types: Vec<TypeDef>,
    /// In the description's order.
    pub(crate) operations: Vec<Operation>,
    /// Ordered by code without regard to case.
    pub(crate) errors: Vec<ErrorCode>,
    /// The titles of the error groups with their source, in the description's order.
    pub(crate) groups: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct TypeDef {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) source: String,
    pub(crate) kind: TypeKind,
}

#[derive(Debug)]
pub(crate) enum TypeKind {
    ClosedEnum(Vec<Choice>),
    OpenEnum(Vec<Choice>),
    Struct {
        fields: Vec<Field>,
        /// `true` if unknown and unreadable fields are kept in a rest.
        keeps_rest: bool,
    },
}

#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) variant: String,
    pub(crate) wire: String,
    pub(crate) doc: String,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) wire: String,
    pub(crate) doc: String,
    pub(crate) ty: FieldType,
}

/// The type of a field of an answer; each is optional in addition.
#[derive(Debug)]
pub(crate) enum FieldType {
    /// A text, number, flag, id or open enum, by its Rust type.
    Scalar(String),
    Object(String),
    Objects(String),
    Scalars(String),
}

#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) doc: String,
    pub(crate) source: String,
    pub(crate) method: Method,
    /// The part before the project: `/v1`, or `/NAME/v1` if a service has its own name in its
    /// paths.
    pub(crate) root: String,
    /// The segments after the project.
    pub(crate) path: Vec<Segment>,
    pub(crate) idempotent: bool,
    pub(crate) output: String,
    pub(crate) shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(String),
    Id { name: String, ty: String },
}

#[derive(Debug)]
pub(crate) enum Shape {
    /// One object named `key`, with servers and optionally a type.
    Action {
        key: String,
        body: Body,
        kind: Option<Kind>,
        min_servers: i64,
        max_servers: i64,
        servers_per_minute: i64,
    },
    /// A query by the id in the path.
    Show(PathId),
    /// Optional query parameters, and optionally an id in the path.
    List {
        of: Option<PathId>,
        parameters: Vec<Parameter>,
    },
}

/// An id in a path.
#[derive(Debug)]
pub(crate) struct PathId {
    pub(crate) name: String,
    pub(crate) ty: String,
    pub(crate) doc: String,
}

/// The type of an action.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) ty: String,
    pub(crate) required: bool,
    pub(crate) doc: String,
}

/// The schema of a request body.
#[derive(Debug)]
pub(crate) enum Body {
    Object(Vec<BodyField>),
    List {
        items: Box<Body>,
        min: i64,
        max: i64,
        unique: Option<String>,
    },
    OneOf(Vec<String>),
    ServerId,
}

#[derive(Debug)]
pub(crate) struct BodyField {
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    /// The Rust name.
    pub(crate) name: String,
    pub(crate) wire: String,
    pub(crate) doc: String,
    pub(crate) kind: ParameterKind,
}

#[derive(Debug)]
pub(crate) enum ParameterKind {
    Text,
    Integer {
        min: i64,
        max: Option<i64>,
        default: Option<i64>,
    },
}

#[derive(Debug)]
pub(crate) struct ErrorCode {
    pub(crate) code: String,
    pub(crate) status: Option<u16>,
    pub(crate) meaning: String,
    pub(crate) advice: String,
    /// `true` if the request can have been executed.
    pub(crate) maybe_executed: bool,
    pub(crate) throttling: bool,
    pub(crate) retryable: bool,
    pub(crate) credentials: bool,
    pub(crate) one_server: bool,
    pub(crate) source: String,
}

impl Operation {
    /// Returns the whole path, as the description writes it.
    pub(crate) fn template(&self) -> String {
        let mut path = format!("{}/{{project_id}}", self.root);
        for segment in &self.path {
            match segment {
                Segment::Literal(text) => path.push_str(&format!("/{text}")),
                Segment::Id { name, .. } => path.push_str(&format!("/{{{name}}}")),
            }
        }
        path
    }
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}
