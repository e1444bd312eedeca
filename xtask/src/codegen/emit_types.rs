//! `types.rs`: enums, and what answers hold.

use proc_macro2::TokenStream;
use quote::quote;

use super::ir::{Choice, Field, FieldType, Ir, TypeDef, TypeKind};
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
    vec![file("types.rs", &items)]
}

fn imports(ir: &Ir) -> TokenStream {
    let has = |wanted: fn(&TypeKind) -> bool| ir.types.iter().any(|ty| wanted(&ty.kind));
    let serde = has(|kind| matches!(kind, TypeKind::Struct(_))).then(|| {
        quote!(
            use serde::{Deserialize, Serialize};
        )
    });
    let open = has(|kind| matches!(kind, TypeKind::OpenEnum(_)));
    let closed = has(|kind| matches!(kind, TypeKind::ClosedEnum(_)));
    let lenient = open.then(|| {
        quote!(
            use crate::lenient::lenient_open_enum;
        )
    });
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
        TypeKind::Struct(fields) => fields.as_slice(),
        _ => &[],
    });
    let scalars = fields.filter_map(|field| match &field.ty {
        FieldType::Scalar(name) | FieldType::Scalars(name) => Some(name.as_str()),
        _ => None,
    });
    let mut ids: Vec<&str> = scalars
        .filter(|name| ["ProjectId", "JobId", "ServerId"].contains(name))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let ids = ids.into_iter().map(ident);
    quote! {
        #serde
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
        TypeKind::Struct(fields) => {
            let fields = fields.iter().map(field);
            format(quote! {
                #docs
                #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
                #[non_exhaustive]
                pub struct #name { #(#fields),* }
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

fn field(field: &Field) -> TokenStream {
    let docs = docs(&field.doc);
    let name = ident(&field.name);
    let rename = (field.name != field.wire).then(|| {
        let wire = &field.wire;
        quote!(rename = #wire,)
    });
    let (reader, ty) = match &field.ty {
        FieldType::Scalar(ty) => ("scalar", ident(ty)),
        FieldType::Object(ty) => ("object", ident(ty)),
        FieldType::Objects(ty) => ("objects", ident(ty)),
        FieldType::Scalars(ty) => ("scalars", ident(ty)),
    };
    let ty = match &field.ty {
        FieldType::Scalar(_) | FieldType::Object(_) => quote!(Option<#ty>),
        FieldType::Scalars(_) | FieldType::Objects(_) => quote!(Option<Vec<#ty>>),
    };
    let reader = format!("crate::lenient::{reader}");
    quote! {
        #docs
        #[serde(
            #rename
            default,
            deserialize_with = #reader,
            skip_serializing_if = "Option::is_none"
        )]
        pub #name: #ty
    }
}
