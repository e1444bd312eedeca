//! A query with parameters: the operation and its builder.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::ir::{Operation, Parameter, ParameterKind, PathId};
use super::rust::{docs, ident, implementation, number, path, server_only, sourced};

/// The code that a path's id adds to a list; empty without an id.
#[derive(Default)]
struct IdParts {
    derive: TokenStream,
    field: TokenStream,
    parameter: TokenStream,
    argument: TokenStream,
    /// A query without parameters.
    empty: TokenStream,
    getter: TokenStream,
    encode: TokenStream,
}

fn id_parts(of: Option<&PathId>) -> IdParts {
    let Some(id) = of else {
        return IdParts {
            derive: quote!(Default,),
            empty: quote!(Self::default()),
            ..IdParts::default()
        };
    };
    let (field, ty, doc) = (ident(&id.name), ident(&id.ty), docs(&id.doc));
    IdParts {
        derive: quote!(),
        field: quote!(#field: #ty,),
        parameter: quote!(#field: #ty,),
        argument: quote!(#field,),
        empty: quote!(),
        getter: quote! {
            #doc
            pub fn #field(&self) -> &#ty {
                &self.#field
            }
        },
        encode: quote! {
            let #field = self.#field.to_string();
            let #field = percent_encode(&#field);
        },
    }
}

pub(super) fn list(
    operation: &Operation,
    of: Option<&PathId>,
    parameters: &[Parameter],
) -> TokenStream {
    let id = id_parts(of);
    let docs = sourced(&operation.doc, &operation.source);
    let name = ident(&operation.name);
    let builder = format_ident!("{}Builder", operation.name);
    let limits = parameters.iter().map(limits);
    let fields = parameters.iter().map(|parameter| {
        let (name, ty) = (ident(&parameter.name), stored(parameter));
        quote!(#name: Option<#ty>)
    });
    let getters = parameters.iter().map(getter);
    let reads = parameters.iter().map(|parameter| {
        let (name, wire) = (ident(&parameter.name), &parameter.wire);
        let read = match bounds(&quote!(Self), parameter) {
            None => quote!(query.text(#wire)),
            Some([min, max]) => quote!(query.integer(#wire, #min, #max)),
        };
        quote!(#name: #read)
    });
    let writes = parameters.iter().map(|parameter| {
        let (name, wire) = (ident(&parameter.name), &parameter.wire);
        match parameter.kind {
            ParameterKind::Text => quote!((#wire, self.#name.clone())),
            ParameterKind::Integer { .. } => {
                quote!((#wire, self.#name.map(|value| value.to_string())))
            }
        }
    });
    let path = path(operation);
    let id_encode = &id.encode;
    let implementation = implementation(
        operation,
        quote!(operation::decode_found),
        quote! {
            #id_encode
            let query = query::encode_query(&[#(#writes),*]);
            operation::request(Method::GET, #path, &query, None)
        },
    );
    let empty = match of {
        None => id.empty,
        Some(_) => {
            let argument = &id.argument;
            let names = parameters.iter().map(|parameter| ident(&parameter.name));
            quote!(#name { #argument #(#names: None),* })
        }
    };
    let IdParts {
        derive,
        field,
        parameter,
        argument,
        getter: id_getter,
        ..
    } = id;
    let builder_code = builder_code(operation, parameters, &derive);
    let server_only = server_only();
    quote! {
        #docs
        #[derive(Clone, Debug, #derive PartialEq, Eq)]
        pub struct #name {
            #field
            #(#fields),*
        }

        impl #name {
            #(#limits)*

            /// Returns a builder of a query without parameters.
            pub fn builder(#parameter) -> #builder {
                #builder(#empty)
            }

            /// Parses a query string. With the feature `server`.
            ///
            /// # Errors
            /// All violations; the pointer of each is the parameter's name.
            #server_only
            pub fn from_query(#parameter query: &str) -> Result<Self, ValidationError> {
                let mut query = Query::parse(query);
                let found = Self { #argument #(#reads),* };
                query.finish().map(|()| found)
            }

            #id_getter
            #(#getters)*
        }

        #builder_code

        #implementation
    }
}

/// The builder of a query.
fn builder_code(
    operation: &Operation,
    parameters: &[Parameter],
    derive: &TokenStream,
) -> TokenStream {
    let name = ident(&operation.name);
    let builder = format_ident!("{}Builder", operation.name);
    let builder_doc = docs(&format!(
        "Collects the parameters of [`{}`] and checks them together.",
        operation.name
    ));
    let setters = parameters.iter().map(setter);
    let checks = parameters.iter().filter_map(|parameter| {
        let (field, wire) = (ident(&parameter.name), &parameter.wire);
        let [min, max] = bounds(&quote!(#name), parameter)?;
        Some(quote!((#wire, self.0.#field, #min, #max)))
    });
    quote! {
        #builder_doc
        #[derive(Clone, Debug, #derive)]
        pub struct #builder(#name);

        impl #builder {
            #(#setters)*

            /// Builds the query.
            ///
            /// # Errors
            /// All violations; the pointer of each is the parameter's name.
            pub fn build(self) -> Result<#name, ValidationError> {
                query::check_integers(&[#(#checks),*])?;
                Ok(self.0)
            }
        }
    }
}

fn stored(parameter: &Parameter) -> TokenStream {
    match parameter.kind {
        ParameterKind::Text => quote!(String),
        ParameterKind::Integer { .. } => quote!(u64),
    }
}

/// Returns the smallest and the largest value of an integer; `owner` is the type with the
/// constants.
fn bounds(owner: &TokenStream, parameter: &Parameter) -> Option<[TokenStream; 2]> {
    let ParameterKind::Integer { min, max, .. } = parameter.kind else {
        return None;
    };
    let min = number(min);
    let max = match max {
        Some(_) => {
            let constant = constant("MAX", parameter);
            quote!(#owner::#constant)
        }
        None => quote!(u64::MAX),
    };
    Some([quote!(#min), max])
}

fn constant(prefix: &str, parameter: &Parameter) -> proc_macro2::Ident {
    format_ident!("{prefix}_{}", parameter.name.to_uppercase())
}

/// Returns named constants for the limits of an integer.
fn limits(parameter: &Parameter) -> TokenStream {
    let ParameterKind::Integer { max, default, .. } = parameter.kind else {
        return quote!();
    };
    let name = &parameter.wire;
    let one = |prefix, doc: String, value: Option<i64>| {
        value.map(|value| {
            let docs = docs(&doc);
            let constant = constant(prefix, parameter);
            let value = number(value);
            quote!(#docs pub const #constant: u64 = #value;)
        })
    };
    let max = one("MAX", format!("The largest `{name}`."), max);
    let default = one(
        "DEFAULT",
        format!("What the service takes when `{name}` is not given."),
        default,
    );
    quote!(#max #default)
}

fn getter(parameter: &Parameter) -> TokenStream {
    let name = ident(&parameter.name);
    let docs = docs(&format!("{} `None` if it is not given.", parameter.doc));
    match parameter.kind {
        ParameterKind::Text => quote! {
            #docs
            pub fn #name(&self) -> Option<&str> {
                self.#name.as_deref()
            }
        },
        ParameterKind::Integer { .. } => quote! {
            #docs
            pub fn #name(&self) -> Option<u64> {
                self.#name
            }
        },
    }
}

fn setter(parameter: &Parameter) -> TokenStream {
    let name = ident(&parameter.name);
    let docs = docs(&parameter.doc);
    let (ty, value) = match parameter.kind {
        ParameterKind::Text => (quote!(impl Into<String>), quote!(#name.into())),
        ParameterKind::Integer { .. } => (quote!(u64), quote!(#name)),
    };
    quote! {
        #docs
        #[must_use]
        pub fn #name(mut self, #name: #ty) -> Self {
            self.0.#name = Some(#value);
            self
        }
    }
}
