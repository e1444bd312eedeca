//! The reference pages: tables of operations, types and error codes.

use super::ir::{
    Choice, ErrorCode, Field, FieldType, Ir, Operation, Parameter, ParameterKind, PathId, Shape,
    TypeKind,
};
use super::write::File;
use super::{MARK, PAGES};

pub(crate) fn emit(ir: &Ir) -> Vec<File> {
    vec![
        page("operations.md", operations(ir)),
        page("types.md", types(ir)),
        page("errors.md", errors(ir)),
    ]
}

fn page(name: &str, text: String) -> File {
    File::new(
        &format!("{PAGES}/{name}"),
        format!("<!-- {MARK} -->\n\n{text}"),
    )
}

fn operations(ir: &Ir) -> String {
    let overview = ir.operations.iter().map(|operation| {
        vec![
            format!("[{0}](#{1})", operation.name, operation.name.to_lowercase()),
            code(&request(operation)),
            if operation.idempotent { "yes" } else { "no" }.to_owned(),
            operation.summary.clone(),
        ]
    });
    let overview = table(&["operation", "request", "idempotent", "does"], overview);
    let details: String = ir.operations.iter().map(operation).collect();
    format!("# Operations\n\n{overview}{details}")
}

fn request(operation: &Operation) -> String {
    let request = format!("{} {}", operation.method.as_str(), operation.template());
    match &operation.shape {
        Shape::Action { key, .. } => format!("{request} {{\"{key}\":…}}"),
        _ => request,
    }
}

fn operation(operation: &Operation) -> String {
    let head = format!(
        "\n## {}\n\n{}\n\nSource: {}. Answer: {}.\n",
        operation.name,
        operation.doc,
        code(&operation.source),
        code(&operation.output),
    );
    let rows = match &operation.shape {
        Shape::Action {
            key,
            kind,
            min_servers,
            max_servers,
            servers_per_minute,
            ..
        } => {
            let servers = vec![
                code(&format!("{key}.servers[].id")),
                "server id".to_owned(),
                "yes".to_owned(),
                format!(
                    "{min_servers} to {max_servers} in a request, each once; {servers_per_minute} in a minute"
                ),
            ];
            let kind = kind.as_ref().map(|kind| {
                vec![
                    code(&format!("{key}.type")),
                    code(&kind.ty),
                    if kind.required { "yes" } else { "no" }.to_owned(),
                    kind.doc.clone(),
                ]
            });
            std::iter::once(servers).chain(kind).collect()
        }
        Shape::Show(id) => vec![path_id(id)],
        Shape::List { of, parameters } => {
            let parameters = parameters.iter().map(parameter);
            of.iter().map(path_id).chain(parameters).collect()
        }
    };
    let rows: Vec<Vec<String>> = rows;
    format!(
        "{head}\n{}",
        table(&["field", "type", "required", "meaning"], rows)
    )
}

fn path_id(id: &PathId) -> Vec<String> {
    vec![
        code(&id.name),
        code(&id.ty),
        "yes".to_owned(),
        id.doc.clone(),
    ]
}

fn parameter(parameter: &Parameter) -> Vec<String> {
    let (ty, default) = match &parameter.kind {
        ParameterKind::Text => ("text".to_owned(), None),
        ParameterKind::Integer { min, max, default } => {
            let ty = match max {
                Some(max) => format!("integer from {min} to {max}"),
                None => format!("integer of at least {min}"),
            };
            (ty, *default)
        }
    };
    let default = default
        .map(|default| format!(" Default: {default}."))
        .unwrap_or_default();
    vec![
        code(&parameter.wire),
        ty,
        "no".to_owned(),
        format!("{}{default}", parameter.doc),
    ]
}

fn types(ir: &Ir) -> String {
    let sections: String = ir
        .types
        .iter()
        .map(|definition| {
            let (note, rows) = match &definition.kind {
                TypeKind::ClosedEnum(values) => (
                    "Sent: exactly these values.",
                    table(&["value", "meaning"], values.iter().map(choice)),
                ),
                TypeKind::OpenEnum(values) => (
                    "Received: other values are kept as they came.",
                    table(&["value", "meaning"], values.iter().map(choice)),
                ),
                TypeKind::Struct { fields, keeps_rest } => (
                    if *keeps_rest {
                        "Received: every field may be absent or null, others are kept as they came."
                    } else {
                        "Received: every field may be absent or null, others are ignored."
                    },
                    table(&["field", "type", "meaning"], fields.iter().map(field)),
                ),
            };
            format!(
                "\n## {}\n\n{} {note}\n\nSource: {}.\n\n{rows}",
                definition.name,
                definition.doc,
                code(&definition.source),
            )
        })
        .collect();
    format!("# Types\n{sections}")
}

fn choice(choice: &Choice) -> Vec<String> {
    vec![code(&choice.wire), choice.doc.clone()]
}

fn field(field: &Field) -> Vec<String> {
    let ty = match &field.ty {
        FieldType::Scalar(ty) | FieldType::Object(ty) => code(ty),
        FieldType::Scalars(ty) | FieldType::Objects(ty) => format!("list of {}", code(ty)),
    };
    vec![code(&field.wire), ty, field.doc.clone()]
}

fn errors(ir: &Ir) -> String {
    let intro = "\
`executed` says whether the request can have been executed: `no` is proof that it was not, so it may be sent again;
`maybe` proves nothing. `throttling` means that the request was refused because of its rate. `retryable` means that the
same request can succeed later without any change. `credentials` means that the credentials, or what they permit, are
the reason.
`one server` means that a single server of a batch can be the reason. The service warns that the status of an answer
is not always the documented one.
";
    let groups = ir.groups.iter().map(|(title, source)| {
        let codes: Vec<&ErrorCode> = ir
            .errors
            .iter()
            .filter(|error| error.source == *source)
            .collect();
        let count = codes.len();
        let rows = table(
            &["code", "status", "meaning", "advice", "executed", "is"],
            codes.into_iter().map(error),
        );
        format!(
            "\n## {title}\n\nSource: {}. {count} codes.\n\n{rows}",
            code(source)
        )
    });
    let groups: String = groups.collect();
    format!("# Error codes\n\n{intro}{groups}")
}

fn error(error: &ErrorCode) -> Vec<String> {
    let flags = [
        (error.throttling, "throttling"),
        (error.retryable, "retryable"),
        (error.credentials, "credentials"),
        (error.one_server, "one server"),
    ];
    let flags: Vec<&str> = flags
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
        .collect();
    vec![
        code(&error.code),
        error
            .status
            .map_or_else(|| "several".to_owned(), |status| status.to_string()),
        error.meaning.clone(),
        error.advice.clone(),
        if error.maybe_executed { "maybe" } else { "no" }.to_owned(),
        flags.join(", "),
    ]
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let row = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let head: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let rule = vec!["---".to_owned(); columns.len()];
    let mut table = row(&head) + &row(&rule);
    for cells in rows {
        table.push_str(&row(&cells));
    }
    table
}
