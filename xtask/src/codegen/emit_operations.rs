//! `operations.rs`: requests as values, and their parsing.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::emit_any::any_operation;
use super::emit_list::list;
use super::ir::{Body, Ir, Kind, Operation, PathId, Shape};
use super::rust::{docs, file, format, ident, implementation, number, path, server_only, sourced};
use super::write::File;

pub(crate) fn emit(ir: &Ir) -> Vec<File> {
    let imports = imports(ir);
    let operations = ir
        .operations
        .iter()
        .map(|operation| match &operation.shape {
            Shape::Action {
                key,
                body,
                kind,
                min_servers,
                max_servers,
                servers_per_minute,
            } => {
                let limits = [*min_servers, *max_servers, *servers_per_minute];
                action(operation, key, body, kind.as_ref(), limits)
            }
            Shape::Show(id) => show(operation, id),
            Shape::List { of, parameters } => list(operation, of.as_ref(), parameters),
        });
    let any = any_operation(&ir.operations);
    let code = quote!(#imports #(#operations)* #any);
    vec![file("operations.rs", &[format(code)])]
}

fn imports(ir: &Ir) -> TokenStream {
    let mut names = BTreeSet::from(["ProjectId", "ResponseError"]);
    let shapes = || ir.operations.iter().map(|operation| &operation.shape);
    let actions = shapes().any(|shape| matches!(shape, Shape::Action { .. }));
    let lists = shapes().any(|shape| matches!(shape, Shape::List { .. }));
    for operation in &ir.operations {
        names.insert(&operation.output);
        match &operation.shape {
            Shape::Action { kind, .. } => {
                names.insert("ServerId");
                names.extend(kind.as_ref().map(|kind| kind.ty.as_str()));
            }
            Shape::Show(id) | Shape::List { of: Some(id), .. } => {
                names.insert(&id.ty);
            }
            Shape::List { of: None, .. } => {}
        }
    }
    let names = names.into_iter().map(ident);
    let server_only = server_only();
    let validate = match (actions, lists) {
        (true, _) => quote!(
            #server_only
            use crate::schema::{Field, Schema};
            use crate::validate::{self, ValidationError};
        ),
        (false, true) => quote!(
            use crate::validate::ValidationError;
        ),
        (false, false) => quote!(),
    };
    let action = actions.then(|| {
        quote!(
            use crate::action;
        )
    });
    let query = lists.then(|| {
        quote!(
            use crate::query;
            #server_only
            use crate::query::Query;
        )
    });
    let encode = shapes()
        .any(|shape| matches!(shape, Shape::Show(_) | Shape::List { of: Some(_), .. }))
        .then(|| {
            quote!(
                use crate::operation::percent_encode;
            )
        });
    quote! {
        use bytes::Bytes;
        use http::{HeaderMap, Method, StatusCode};
        #action
        use crate::operation::{self, Idempotency, Operation};
        #encode
        #query
        #server_only
        use crate::route::{self, RequestError};
        #validate
        use crate::{#(#names),*};
    }
}

fn action(
    operation: &Operation,
    key: &str,
    body: &Body,
    kind: Option<&Kind>,
    [min, max, per_minute]: [i64; 3],
) -> TokenStream {
    let docs = sourced(&operation.doc, &operation.source);
    let name = ident(&operation.name);
    let table = format_ident!("{}", upper(&operation.name));
    let schema = schema(body);
    let pointer = format!("/{key}/servers");
    let (min, max, per_minute) = (number(min), number(max), number(per_minute));
    let parts = kind_parts(key, kind);
    let KindParts {
        field,
        parameter,
        init,
        read,
        wire,
        getter,
    } = parts;
    let found = if kind.is_some() {
        quote!(kind)
    } else {
        quote!(_)
    };
    let implementation = implementation(
        operation,
        quote!(operation::decode_accepted),
        quote!(action::encode(project, #key, #wire, &self.servers)),
    );
    let server_only = server_only();
    quote! {
        #server_only
        const #table: Schema = #schema;

        #docs
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct #name {
            #field
            servers: Vec<ServerId>,
        }

        impl #name {
            /// The smallest number of servers in one request.
            pub const MIN_SERVERS: usize = #min;
            /// The largest number of servers in one request.
            pub const MAX_SERVERS: usize = #max;
            /// The largest number of servers that the service accepts in a minute, over all
            /// requests.
            pub const MAX_SERVERS_PER_MINUTE: usize = #per_minute;

            /// Creates a request for these servers.
            ///
            /// # Errors
            /// All violations: too few or too many servers, and each duplicate.
            pub fn new(#parameter servers: Vec<ServerId>) -> Result<Self, ValidationError> {
                validate::check_servers(#pointer, &servers, Self::MIN_SERVERS, Self::MAX_SERVERS)?;
                Ok(Self { #init servers })
            }

            /// Parses a request body. With the feature `server`.
            ///
            /// # Errors
            /// All violations, each with its JSON pointer.
            #server_only
            pub fn from_json(body: &[u8]) -> Result<Self, ValidationError> {
                let (#found, servers) = action::parse(&#table, #key, body)?;
                #read
                Ok(Self { #init servers })
            }

            #getter

            /// Returns the servers.
            pub fn servers(&self) -> &[ServerId] {
                &self.servers
            }
        }

        #implementation
    }
}

/// The code that an action's type adds; empty without a type.
#[derive(Default)]
struct KindParts {
    field: TokenStream,
    parameter: TokenStream,
    init: TokenStream,
    read: TokenStream,
    wire: TokenStream,
    getter: TokenStream,
}

fn kind_parts(key: &str, kind: Option<&Kind>) -> KindParts {
    let Some(kind) = kind else {
        return KindParts {
            wire: quote!(None),
            ..KindParts::default()
        };
    };
    let ty = ident(&kind.ty);
    let (stored, read, wire, doc) = if kind.required {
        let pointer = format!("/{key}/type");
        (
            quote!(#ty),
            quote! {
                let kind = kind
                    .as_deref()
                    .and_then(#ty::from_wire)
                    .ok_or_else(|| ValidationError::missing(#pointer))?;
            },
            quote!(Some(self.kind.as_str())),
            docs(&kind.doc),
        )
    } else {
        (
            quote!(Option<#ty>),
            quote!(let kind = kind.as_deref().and_then(#ty::from_wire);),
            quote!(self.kind.map(#ty::as_str)),
            docs(&format!("{} `None` leaves it to the service.", kind.doc)),
        )
    };
    KindParts {
        field: quote!(kind: #stored,),
        parameter: quote!(kind: #stored,),
        init: quote!(kind,),
        read,
        wire,
        getter: quote! {
            #doc
            pub fn kind(&self) -> #stored {
                self.kind
            }
        },
    }
}

fn schema(body: &Body) -> TokenStream {
    match body {
        Body::Object(fields) => {
            let fields = fields.iter().map(|field| {
                let (name, required) = (&field.name, field.required);
                let schema = schema(&field.body);
                quote!(Field { name: #name, required: #required, schema: #schema })
            });
            quote!(Schema::Object(&[#(#fields),*]))
        }
        Body::List {
            items,
            min,
            max,
            unique,
        } => {
            let items = schema(items);
            let (min, max) = (number(*min), number(*max));
            let unique = match unique {
                Some(field) => quote!(Some(#field)),
                None => quote!(None),
            };
            quote!(Schema::List { items: &#items, min: #min, max: #max, unique: #unique })
        }
        Body::OneOf(values) => quote!(Schema::OneOf(&[#(#values),*])),
        Body::ServerId => quote!(Schema::ServerId),
    }
}

fn show(operation: &Operation, id: &PathId) -> TokenStream {
    let docs = sourced(&operation.doc, &operation.source);
    let doc = super::rust::docs(&id.doc);
    let name = ident(&operation.name);
    let field = ident(&id.name);
    let ty = ident(&id.ty);
    let path = path(operation);
    let implementation = implementation(
        operation,
        quote!(operation::decode_found),
        quote! {
            let #field = self.#field.to_string();
            let #field = percent_encode(&#field);
            operation::request(Method::GET, #path, "", None)
        },
    );
    quote! {
        #docs
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct #name {
            #field: #ty,
        }

        impl #name {
            /// Creates a query by id.
            pub fn new(#field: #ty) -> Self {
                Self { #field }
            }

            #doc
            pub fn #field(&self) -> &#ty {
                &self.#field
            }
        }

        #implementation
    }
}

/// Converts `ShowJob` to `SHOW_JOB`.
fn upper(name: &str) -> String {
    let mut constant = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !constant.is_empty() {
            constant.push('_');
        }
        constant.push(character.to_ascii_uppercase());
    }
    constant
}
