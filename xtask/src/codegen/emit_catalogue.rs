//! `error_catalogue.rs` and its `mod.rs`.

use quote::quote;

use super::ir::Ir;
use super::rust::{file, format, ident};
use super::write::File;

pub(crate) fn emit(ir: &Ir) -> Vec<File> {
    let entries = ir.errors.iter().map(|error| {
        let code = &error.code;
        let status = match error.status {
            Some(status) => {
                let status = proc_macro2::Literal::u16_unsuffixed(status);
                quote!(Some(#status))
            }
            None => quote!(None),
        };
        let (meaning, advice, source) = (&error.meaning, &error.advice, &error.source);
        let executed = ident(if error.maybe_executed { "Maybe" } else { "No" });
        let (throttling, retryable) = (error.throttling, error.retryable);
        let (credentials, one_server) = (error.credentials, error.one_server);
        quote! {
            ErrorInfo {
                code: #code,
                status: #status,
                meaning: #meaning,
                advice: #advice,
                disposition: Disposition {
                    executed: Executed::#executed,
                    throttling: #throttling,
                    retryable: #retryable,
                    credentials: #credentials,
                    one_server: #one_server,
                },
                source: #source,
            }
        }
    });
    let catalogue = quote! {
        use crate::{Disposition, ErrorInfo, Executed};

        /// Ordered by code without regard to case, for binary search.
        pub(crate) const CATALOGUE: &[ErrorInfo] = &[#(#entries),*];
    };
    // prettyplease and rustfmt differ in places; the files are already formatted.
    let modules = ["error_catalogue", "operations", "types"].map(ident);
    let modules = quote!(#(#[rustfmt::skip] pub(crate) mod #modules;)*);
    vec![
        file("error_catalogue.rs", &[format(catalogue)]),
        file("mod.rs", &[format(modules)]),
    ]
}
