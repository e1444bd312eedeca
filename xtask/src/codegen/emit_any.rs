//! `AnyOperation`: from a request to its operation, as a service parses it.

use proc_macro2::TokenStream;
use quote::quote;

use super::ir::{Operation, Segment, Shape};
use super::rust::{docs, ident, method, server_only};

pub(super) fn any_operation(operations: &[Operation]) -> TokenStream {
    let variants = operations.iter().map(|operation| {
        let docs = docs(&format!("{}.", operation.summary));
        let name = ident(&operation.name);
        quote!(#docs #name(#name))
    });
    // Paths without an id come first: `detail` is not a server.
    let mut paths: Vec<Path<'_>> = Vec::new();
    for operation in operations {
        let path = (operation.root.as_str(), operation.path.as_slice());
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths.sort_by_key(|(_, path)| {
        path.iter()
            .any(|segment| matches!(segment, Segment::Id { .. }))
    });
    let arms = paths.into_iter().map(|path| arms(path, operations));
    let server_only = server_only();
    quote! {
        /// Any operation, as a service receives it. With the feature `server`.
        #server_only
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum AnyOperation {
            #(#variants),*
        }

        #server_only
        impl AnyOperation {
            /// Parses a request.
            ///
            /// # Errors
            /// No operation has this path or this method, or its parameters or its body are
            /// invalid; then with all violations.
            pub fn from_request(
                request: &http::Request<Bytes>,
            ) -> Result<(ProjectId, Self), RequestError> {
                let (root, project, segments) = route::split(request.uri().path())?;
                let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
                let operation = match (root.as_str(), segments.as_slice(), request.method()) {
                    #(#arms)*
                    _ => return Err(RequestError::no_such_path()),
                };
                Ok((project, operation))
            }
        }
    }
}

/// The part of a path before the project, and the segments after it.
type Path<'a> = (&'a str, &'a [Segment]);

/// Returns the arms of one path: its methods, then all others.
fn arms((root, path): Path<'_>, operations: &[Operation]) -> TokenStream {
    let here: Vec<&Operation> = operations
        .iter()
        .filter(|operation| operation.root == root && operation.path == path)
        .collect();
    let mut methods = Vec::new();
    for operation in &here {
        if !methods.contains(&operation.method) {
            methods.push(operation.method);
        }
    }
    let bound = pattern(path, |name| {
        let name = ident(name);
        quote!(#name)
    });
    let any = pattern(path, |_| quote!(_));
    let arms = methods.into_iter().map(|wanted| {
        let operations: Vec<&Operation> = here
            .iter()
            .copied()
            .filter(|operation| operation.method == wanted)
            .collect();
        let method = method(wanted);
        let read = read(&operations);
        quote!((#root, #bound, &#method) => #read,)
    });
    quote! {
        #(#arms)*
        (#root, #any, _) => return Err(RequestError::no_such_method()),
    }
}

fn pattern(path: &[Segment], id: impl Fn(&str) -> TokenStream) -> TokenStream {
    let segments = path.iter().map(|segment| match segment {
        Segment::Literal(text) => quote!(#text),
        Segment::Id { name, .. } => id(name),
    });
    quote!([#(#segments),*])
}

/// Returns the code that parses the operations of one path and method; several are distinguished by
/// the key of their body.
fn read(operations: &[&Operation]) -> TokenStream {
    let by_key = operations.iter().filter_map(|operation| {
        let Shape::Action { key, .. } = &operation.shape else {
            return None;
        };
        let name = ident(&operation.name);
        Some((
            key,
            quote!(#key => Self::#name(#name::from_json(request.body())?),),
        ))
    });
    let (keys, arms): (Vec<&String>, Vec<TokenStream>) = by_key.unzip();
    if !keys.is_empty() {
        return quote! {
            match route::action_key(request.body())?.as_str() {
                #(#arms)*
                _ => return Err(ValidationError::unknown_action(&[#(#keys),*]).into()),
            }
        };
    }
    let operations = operations.iter().map(|operation| {
        let name = ident(&operation.name);
        match &operation.shape {
            Shape::Show(id) => {
                let (id, field) = (&id.name, ident(&id.name));
                quote!(Self::#name(#name::new(route::id(#id, #field)?)))
            }
            Shape::List { of: Some(id), .. } => {
                let (id, field) = (&id.name, ident(&id.name));
                quote! {
                    Self::#name(#name::from_query(
                        route::id(#id, #field)?,
                        request.uri().query().unwrap_or_default(),
                    )?)
                }
            }
            _ => quote! {
                Self::#name(#name::from_query(request.uri().query().unwrap_or_default())?)
            },
        }
    });
    quote!(#(#operations)*)
}
