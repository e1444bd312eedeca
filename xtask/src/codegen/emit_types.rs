//! `types.rs`: enums, and the objects of answers.

use proc_macro2::TokenStream;
use quote::quote;

use super::ir::{Choice, Field, FieldType, Ir, TypeDef, TypeKind};
use super::lower::{HANDWRITTEN_FIELDS, IDS, TEXTS};
use super::rust::{docs, enum_macro, file, format, ident, sourced};
use super::write::File;

pub(crate) fn emit(ir: &Ir) -> Vec<File> {
    let open: Vec<_> = ir
        .types
        .iter()
        .filter(|definition| matches!(definition.kind, TypeKind::OpenEnum(_)))
        .map(|definition| ident(&definition.name))
        .collect();
    let mut items = vec![format(imports(ir))];
    items.extend(ir.types.iter().map(definition));
    if !open.is_empty() {
        items.push(format(quote!(lenient_open_enum!(#(#open),*);)));
    }
    items.extend(ir.types.iter().filter_map(members));
    vec![file("types.rs", &items)]
}

fn imports(ir: &Ir) -> TokenStream {
    let has = |wanted: fn(&TypeKind) -> bool| ir.types.iter().any(|ty| wanted(&ty.kind));
    let keeps = |keeps: bool| {
        ir.types
            .iter()
            .any(|ty| matches!(ty.kind, TypeKind::Struct { keeps_rest, .. } if keeps_rest == keeps))
    };
    let serde = keeps(false).then(|| {
        quote!(
            use serde::{Deserialize, Serialize};
        )
    });
    let json = keeps(true).then(|| {
        quote!(
            use serde_json::{Map, Value};
        )
    });
    let open = has(|kind| matches!(kind, TypeKind::OpenEnum(_)));
    let closed = has(|kind| matches!(kind, TypeKind::ClosedEnum(_)));
    let lenient = match (keeps(true) || keeps(false), open) {
        (true, true) => quote!(
            use crate::lenient::{lenient_open_enum, members};
        ),
        (true, false) => quote!(
            use crate::lenient::members;
        ),
        (false, true) => quote!(
            use crate::lenient::lenient_open_enum;
        ),
        (false, false) => quote!(),
    };
    let macros = match (closed, open) {
        (true, true) => quote!(
            use crate::open_enum::{closed_enum, open_enum};
        ),
        (true, false) => quote!(
            use crate::open_enum::closed_enum;
        ),
        (false, true) => quote!(
            use crate::open_enum::open_enum;
        ),
        (false, false) => quote!(),
    };
    let fields = ir.types.iter().flat_map(|ty| match &ty.kind {
        TypeKind::Struct { fields, .. } => fields.as_slice(),
        _ => &[],
    });
    let names = fields.map(|field| match &field.ty {
        FieldType::Scalar(name)
        | FieldType::Scalars(name)
        | FieldType::Object(name)
        | FieldType::Objects(name) => name.as_str(),
    });
    let mut ids: Vec<&str> = names
        .filter(|name| {
            IDS.iter()
                .chain(HANDWRITTEN_FIELDS)
                .chain(TEXTS)
                .any(|known| known == name)
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let ids = ids.into_iter().map(ident);
    quote! {
        #serde
        #json
        #lenient
        #macros
        #(use crate::#ids;)*
    }
}

fn definition(definition: &TypeDef) -> String {
    let name = ident(&definition.name);
    let docs = sourced(&definition.doc, &definition.source);
    match &definition.kind {
        TypeKind::ClosedEnum(values) => enum_macro("closed_enum", docs, &name, choices(values)),
        TypeKind::OpenEnum(values) => enum_macro("open_enum", docs, &name, choices(values)),
        TypeKind::Struct {
            fields,
            keeps_rest: false,
        } => {
            let fields = fields.iter().map(|field| {
                let serde = serde(field);
                declared(field, serde)
            });
            format(quote! {
                #docs
                #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
                #[non_exhaustive]
                pub struct #name { #(#fields),* }
            })
        }
        TypeKind::Struct {
            fields,
            keeps_rest: true,
        } => {
            let fields = fields.iter().map(|field| declared(field, quote!()));
            format(quote! {
                #docs
                #[derive(Clone, Debug, Default, PartialEq, Eq)]
                #[non_exhaustive]
                pub struct #name {
                    #(#fields,)*
                    /// All other members by name, as received: those that are not described, and
                    /// those that are but are unreadable (null and blank texts are omitted). Of a
                    /// list, the readable elements are in its field, and the others are lost.
                    pub rest: Map<String, Value>
                }
            })
        }
    }
}

fn choices(values: &[Choice]) -> TokenStream {
    let values = values.iter().map(|value| {
        let docs = docs(&value.doc);
        let variant = ident(&value.variant);
        let wire = &value.wire;
        quote!(#docs #variant = #wire,)
    });
    quote!(#(#values)*)
}

/// Returns the members of a type, for the fast parser; a type with a rest is also read and written
/// by them.
fn members(definition: &TypeDef) -> Option<String> {
    let TypeKind::Struct { fields, keeps_rest } = &definition.kind else {
        return None;
    };
    let fields = fields.iter().enumerate();
    let fields = fields.map(|(place, Field { name, wire, ty, .. })| {
        let reader = reader(ty);
        format!("        {place}: {name} = {wire:?} as {reader},\n")
    });
    let (name, fields) = (&definition.name, fields.collect::<String>());
    let rest = if *keeps_rest { " keeping rest" } else { "" };
    Some(format!(
        "members! {{\n    {name}{rest} {{\n{fields}    }}\n}}\n"
    ))
}

/// Returns the function of `crate::lenient` that reads a field.
fn reader(ty: &FieldType) -> &'static str {
    match ty {
        FieldType::Scalar(_) => "scalar",
        FieldType::Object(_) => "object",
        FieldType::Objects(_) => "objects",
        FieldType::Scalars(_) => "scalars",
    }
}

fn serde(field: &Field) -> TokenStream {
    let rename = (field.name != field.wire).then(|| {
        let wire = &field.wire;
        quote!(rename = #wire,)
    });
    let reader = format!("crate::lenient::{}", reader(&field.ty));
    quote! {
        #[serde(
            #rename
            default,
            deserialize_with = #reader,
            skip_serializing_if = "Option::is_none"
        )]
    }
}

fn declared(field: &Field, serde: TokenStream) -> TokenStream {
    let docs = docs(&field.doc);
    let name = ident(&field.name);
    let ty = match &field.ty {
        FieldType::Scalar(ty)
        | FieldType::Object(ty)
        | FieldType::Scalars(ty)
        | FieldType::Objects(ty) => ident(ty),
    };
    let ty = match &field.ty {
        FieldType::Scalar(_) | FieldType::Object(_) => quote!(Option<#ty>),
        FieldType::Scalars(_) | FieldType::Objects(_) => quote!(Option<Vec<#ty>>),
    };
    quote!(#docs #serde pub #name: #ty)
}
