//! The imports of a file and the paths in its code.

use std::collections::BTreeSet;

use syn::visit::Visit;
use syn::{Attribute, File, Item, ItemMod, ItemUse, UseTree, Visibility};

/// The modules, paths and exports of one module.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Its modules with a file of their own.
    pub(super) files: Vec<String>,
    /// Its private imports, and the paths in its code.
    pub(super) paths: BTreeSet<Vec<String>>,
    /// Its public names with their paths.
    pub(super) exports: Vec<(String, Vec<String>)>,
}

/// Reads a file, except parts that are only compiled for tests.
pub(super) fn of_file(file: &File) -> Uses {
    let mut uses = Uses::default();
    uses.visit_file(file);
    uses
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|ident| ident == "test")
    })
}

/// Collects each name of a `use` with its path.
fn leaves(tree: &UseTree, path: &[String], found: &mut Vec<(String, Vec<String>)>) {
    match tree {
        UseTree::Path(step) => {
            let mut longer = path.to_vec();
            longer.push(step.ident.to_string());
            leaves(&step.tree, &longer, found);
        }
        UseTree::Name(name) if name.ident == "self" => {
            let last = path.last().cloned().unwrap_or_default();
            found.push((last, path.to_vec()));
        }
        UseTree::Name(name) => {
            let mut full = path.to_vec();
            full.push(name.ident.to_string());
            found.push((name.ident.to_string(), full));
        }
        UseTree::Rename(rename) => {
            let mut full = path.to_vec();
            full.push(rename.ident.to_string());
            found.push((rename.rename.to_string(), full));
        }
        UseTree::Glob(_) => found.push(("*".to_owned(), path.to_vec())),
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, path, found);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => return syn::visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.content.is_none() {
            self.files.push(item.ident.to_string());
        }
        syn::visit::visit_item_mod(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let mut found = Vec::new();
        leaves(&item.tree, &[], &mut found);
        // A re-export is not an import of this module.
        if matches!(item.vis, Visibility::Inherited) {
            self.paths
                .extend(found.iter().map(|(_, path)| path.clone()));
        }
        self.exports.extend(found);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        let segments: Vec<_> = segments.map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.paths.insert(segments);
        }
        syn::visit::visit_path(self, path);
    }
}
