//! The names of `docs/glossary.md`: each exists, and each type of the main job has a term. Tests only.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::{Fields, ImplItem, Item, TraitItem, UseTree};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the names in backquotes, with braces expanded: `a::{B, C}` is `a::B` and `a::C`.
fn names(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let expanded = quoted.flat_map(|name| match name.split_once('{') {
        None => vec![name.to_owned()],
        Some((path, members)) => {
            let members = members.trim_end_matches('}').split(", ");
            members.map(|member| format!("{path}{member}")).collect()
        }
    });
    expanded.collect()
}

/// Returns the names in the last column of the tables of terms. Commands and options are no names.
fn named_items(glossary: &str) -> Vec<String> {
    let mut has_types = false;
    let mut found = Vec::new();
    for line in glossary.lines() {
        if !line.starts_with('|') {
            has_types = false;
        } else if line.starts_with("| term ") {
            has_types = line.ends_with("| type |");
        } else if has_types {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
            found.extend(names(cells.last().copied().unwrap_or_default()));
        }
    }
    let is_item = |name: &String| {
        let is_path = name
            .chars()
            .all(|c| c.is_alphanumeric() || ":_".contains(c));
        is_path && (name.contains("::") || name.starts_with(char::is_uppercase))
    };
    found.retain(is_item);
    found
}

/// The items of the crates: `Name`, and `Type::member` for variants, fields and methods.
#[derive(Default)]
struct Items(HashSet<String>);

impl Items {
    fn of_crates() -> Self {
        let mut items = Self::default();
        for entry in std::fs::read_dir(root().join("crates")).unwrap() {
            let entry = entry.unwrap();
            items.add_name(&entry.file_name().to_string_lossy().replace('-', "_"));
            items.add_folder(&entry.path().join("src"));
        }
        items
    }

    fn add_folder(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_stem().is_some_and(|name| name == "tests") {
                continue;
            }
            if path.is_dir() {
                self.add_folder(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = syn::parse_file(&read(&path)).unwrap();
                file.items.into_iter().for_each(|item| self.add(item));
            }
        }
    }

    fn add_name(&mut self, name: &impl ToString) {
        self.0.insert(name.to_string());
    }

    fn add_member(&mut self, of: &str, name: &impl ToString) {
        self.0.insert(format!("{of}::{}", name.to_string()));
    }

    fn add_fields(&mut self, of: &str, fields: &Fields) {
        for field in fields.iter().filter_map(|field| field.ident.as_ref()) {
            self.add_member(of, field);
        }
    }

    fn add(&mut self, item: Item) {
        match item {
            Item::Struct(item) => {
                self.add_name(&item.ident);
                self.add_fields(&item.ident.to_string(), &item.fields);
            }
            Item::Enum(item) => {
                self.add_name(&item.ident);
                for variant in &item.variants {
                    self.add_member(&item.ident.to_string(), &variant.ident);
                }
            }
            Item::Trait(item) => {
                self.add_name(&item.ident);
                for member in &item.items {
                    if let TraitItem::Fn(method) = member {
                        self.add_member(&item.ident.to_string(), &method.sig.ident);
                    }
                }
            }
            Item::Impl(item) => {
                let syn::Type::Path(of) = *item.self_ty else {
                    return;
                };
                let of = of.path.segments.last().unwrap().ident.to_string();
                for member in &item.items {
                    if let ImplItem::Fn(method) = member {
                        self.add_member(&of, &method.sig.ident);
                    }
                }
            }
            Item::Mod(item) => {
                self.add_name(&item.ident);
                for item in item.content.into_iter().flat_map(|(_, items)| items) {
                    self.add(item);
                }
            }
            Item::Fn(item) => self.add_name(&item.sig.ident),
            Item::Type(item) => self.add_name(&item.ident),
            Item::Const(item) => self.add_name(&item.ident),
            // Some ids and enums are made by macros.
            Item::Macro(item) => self.add_tokens(item.mac.tokens),
            _ => {}
        }
    }

    fn add_tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => self.add_name(&ident),
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn have(&self, path: &str) -> bool {
        let mut parts = path.rsplit("::");
        let (last, of) = (parts.next().unwrap_or_default(), parts.next());
        match of.filter(|of| of.starts_with(char::is_uppercase)) {
            Some(of) => self.0.contains(&format!("{of}::{last}")),
            None => self.0.contains(last),
        }
    }
}

fn add_leaves(tree: &UseTree, to: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => add_leaves(&path.tree, to),
        UseTree::Group(group) => group.items.iter().for_each(|tree| add_leaves(tree, to)),
        UseTree::Name(name) => to.push(name.ident.to_string()),
        UseTree::Rename(rename) => to.push(rename.rename.to_string()),
        UseTree::Glob(_) => {}
    }
}

/// Returns the types that a crate exports at its root.
fn exported(crate_name: &str) -> Vec<String> {
    let path = root().join("crates").join(crate_name).join("src/lib.rs");
    let mut names = Vec::new();
    for item in syn::parse_file(&read(&path)).unwrap().items {
        if let Item::Use(item) = item
            && matches!(item.vis, syn::Visibility::Public(_))
        {
            add_leaves(&item.tree, &mut names);
        }
    }
    let is_type =
        |name: &String| name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase);
    names.retain(is_type);
    names
}

/// A renamed or removed type leaves no stale name in the glossary.
#[test]
fn each_name_of_the_glossary_exists() {
    let glossary = read(&root().join("docs/glossary.md"));
    let items = Items::of_crates();
    let named = named_items(&glossary);
    assert!(named.len() > 100, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|name| !items.have(name)).collect();
    assert!(missing.is_empty(), "no item has this name: {missing:?}");
}

/// The types that a user meets first are in the glossary. Builders and the errors of parsers speak for themselves.
#[test]
fn each_type_of_the_main_job_is_in_the_glossary() {
    let glossary = read(&root().join("docs/glossary.md"));
    let known: HashSet<String> = names(&glossary)
        .iter()
        .flat_map(|name| name.split("::").map(str::to_owned))
        .collect();
    for crate_name in ["ecs-ops", "ecs-client"] {
        let exported = exported(crate_name);
        assert!(exported.len() > 15, "{exported:?}");
        let is_missing = |name: &&String| {
            let is_plain = name.starts_with("Parse") || name.ends_with("Builder");
            !is_plain && !known.contains(*name)
        };
        let missing: Vec<_> = exported.iter().filter(is_missing).collect();
        assert!(missing.is_empty(), "{crate_name}: {missing:?}");
    }
}
