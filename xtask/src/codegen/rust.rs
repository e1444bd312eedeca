//! Helpers of the emitters of code.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

use super::MARK;
use super::ir::{Method, Operation, Segment};
use super::write::File;

/// Returns a name that `lower` has checked to be an identifier.
pub(crate) fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

/// Returns a doc comment.
pub(crate) fn docs(text: &str) -> TokenStream {
    let lines = text.lines().map(|line| {
        if line.is_empty() {
            String::new()
        } else {
            format!(" {line}")
        }
    });
    quote!(#(#[doc = #lines])*)
}

/// Returns a doc comment with a description and, below it, its source page.
pub(crate) fn sourced(text: &str, source: &str) -> TokenStream {
    docs(&format!(
        "{text}\n\nSource: `{source}` of the vendor's API reference."
    ))
}

/// Returns a file of formatted items.
pub(crate) fn file(name: &str, items: &[String]) -> File {
    let path = format!("{}/{name}", super::CODE);
    File::new(&path, format!("// {MARK}\n\n{}", items.join("\n")))
}

/// Formats items, with a blank line around those of more than one line.
pub(crate) fn format(code: TokenStream) -> String {
    let file: syn::File = match syn::parse2(code.clone()) {
        Ok(file) => file,
        // A bug of an emitter, which the compiler explains best.
        Err(error) => return format!("compile_error!({:?});\n{code}\n", error.to_string()),
    };
    let mut text = String::new();
    let mut short = true;
    for item in file.items {
        let is_short = matches!(item, syn::Item::Use(_) | syn::Item::Mod(_));
        let together = short && is_short;
        if !text.is_empty() && !together {
            text.push('\n');
        }
        short = is_short;
        let item = prettyplease::unparse(&syn::File {
            shebang: None,
            frontmatter: None,
            attrs: Vec::new(),
            items: vec![item],
        });
        // prettyplease writes the members of an item without a gap.
        let mut after_member = false;
        for line in item.lines() {
            if after_member && line.starts_with("    ") {
                text.push('\n');
            }
            after_member = line == "    }";
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Returns an enum as the argument of a macro. The formatter ignores arguments, so the enum is
/// formatted as an item, with its texts in place of discriminants.
pub(crate) fn enum_macro(name: &str, docs: TokenStream, of: &Ident, values: TokenStream) -> String {
    let item = format(quote!(#docs enum #of { #values }));
    let mut text = format!("{name}! {{\n");
    for line in item.lines() {
        let line = line.strip_prefix("enum ").unwrap_or(line);
        text.push_str(&format!("    {line}\n"));
    }
    text.push_str("}\n");
    text
}

/// Returns `impl Operation for …`.
pub(super) fn implementation(
    operation: &Operation,
    decode: TokenStream,
    encode: TokenStream,
) -> TokenStream {
    let name = ident(&operation.name);
    let text = &operation.name;
    let method = method(operation.method);
    let idempotency = ident(if operation.idempotent {
        "Idempotent"
    } else {
        "NotIdempotent"
    });
    let output = ident(&operation.output);
    quote! {
        impl Operation for #name {
            const NAME: &'static str = #text;
            const METHOD: Method = #method;
            const IDEMPOTENCY: Idempotency = Idempotency::#idempotency;
            type Output = #output;

            fn encode(&self, project: &ProjectId) -> http::Request<Bytes> {
                #encode
            }

            fn decode(
                status: StatusCode,
                headers: &HeaderMap,
                body: &[u8],
            ) -> Result<#output, ResponseError> {
                #decode(status, headers, body)
            }
        }
    }
}

pub(super) fn method(method: Method) -> TokenStream {
    let method = ident(method.as_str());
    quote!(Method::#method)
}

/// Returns the parts of the path: `project` and the ids are variables of the code.
pub(super) fn path(operation: &Operation) -> TokenStream {
    let root = format!("{}/", operation.root);
    let mut parts = quote!(#root, project.as_str());
    let mut literal = String::new();
    for segment in &operation.path {
        literal.push('/');
        match segment {
            Segment::Literal(text) => literal.push_str(text),
            Segment::Id { name, .. } => {
                let (before, name) = (std::mem::take(&mut literal), ident(name));
                parts.extend(quote!(, #before, &#name));
            }
        }
    }
    if !literal.is_empty() {
        parts.extend(quote!(, #literal));
    }
    quote!(&[#parts])
}

/// Returns a number literal without a suffix.
pub(super) fn number(number: i64) -> Literal {
    Literal::i64_unsuffixed(number)
}

/// Returns the attribute of items that parse requests, which only a service needs.
pub(super) fn server_only() -> TokenStream {
    quote!(#[cfg(any(test, feature = "server"))])
}
