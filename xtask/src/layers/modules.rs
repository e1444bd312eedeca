//! The modules of a crate, their imports, and the circles among them.
//!
//! A module and its parent that import each other are one unit that is split into files. Circles
//! are between units, none of which is within another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::uses::{self, Uses};

/// A path of a module within its crate: empty for the root.
pub(super) type ModulePath = Vec<String>;

type Modules = BTreeMap<ModulePath, Uses>;
type Edges = BTreeMap<ModulePath, BTreeSet<ModulePath>>;

/// Returns the circles of a crate, each as the modules on the way, with the first one repeated at
/// its end.
pub(super) fn circles(root: &Path) -> Result<Vec<Vec<String>>, String> {
    let folder = root.parent().unwrap_or(Path::new("."));
    let mut modules = Modules::new();
    read(root, folder, Vec::new(), &mut modules)?;
    Ok(circles_of(&edges(&modules)))
}

/// Reads a file and the files of its modules, except tests.
fn read(file: &Path, folder: &Path, path: ModulePath, modules: &mut Modules) -> Result<(), String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let syntax = syn::parse_file(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let uses = uses::of_file(&syntax);
    for child in &uses.files {
        let mut child_path = path.clone();
        child_path.push(child.clone());
        let candidates = [
            folder.join(format!("{child}.rs")),
            folder.join(child).join("mod.rs"),
        ];
        let found: Option<PathBuf> = candidates.into_iter().find(|file| file.is_file());
        if let Some(found) = found {
            read(&found, &folder.join(child), child_path, modules)?;
        }
    }
    modules.insert(path, uses);
    Ok(())
}

/// Returns the imports between modules, with re-exports followed to the module of an item.
fn edges(modules: &Modules) -> Edges {
    let mut edges = Edges::new();
    for (path, uses) in modules {
        let targets = edges.entry(path.clone()).or_default();
        for used in &uses.paths {
            let target = absolute(path, used, modules)
                .and_then(|used| resolve(&used, modules, 0))
                .filter(|target| target != path && !target.is_empty());
            targets.extend(target);
        }
    }
    edges
}

/// Returns the path from the root of the crate, if it leads into the crate.
fn absolute(module: &[String], used: &[String], modules: &Modules) -> Option<Vec<String>> {
    let mut base = module.to_vec();
    let mut rest = used;
    match used.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = rest.get(1..)?;
        }
        "self" => rest = rest.get(1..)?,
        "super" => {
            while rest.first().is_some_and(|segment| segment == "super") {
                base.pop()?;
                rest = rest.get(1..)?;
            }
        }
        first => {
            // A module of this one, or an imported name.
            let mut child = base.clone();
            child.push(first.to_owned());
            if !modules.contains_key(&child) {
                return None;
            }
        }
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

/// Returns the module with the item of a path from the root.
fn resolve(path: &[String], modules: &Modules, depth: usize) -> Option<ModulePath> {
    let length = (0..=path.len()).rev().find(|length| {
        path.get(..*length)
            .is_some_and(|path| modules.contains_key(path))
    })?;
    let (module, rest) = path.split_at_checked(length)?;
    let Some(item) = rest.first() else {
        return Some(module.to_vec());
    };
    let uses = modules.get(module)?;
    let named = uses.exports.iter().find(|(name, _)| name == item);
    if let Some((_, target)) = named
        && depth < 16
    {
        // An item of another crate is not in a module of this one.
        let target = absolute(module, target, modules)?;
        return resolve(&target, modules, depth + 1);
    }
    Some(module.to_vec())
}

/// Returns the circles of units, each as short as possible.
pub(super) fn circles_of(edges: &Edges) -> Vec<Vec<String>> {
    let units = joined(edges);
    let unit_of = |path: &ModulePath| units.get(path).unwrap_or(path).clone();
    let mut between = Edges::new();
    for (from, targets) in edges {
        let unit = unit_of(from);
        let targets = targets.iter().map(unit_of);
        // A module and those within it may use each other.
        let targets =
            targets.filter(|target| !target.starts_with(&unit) && !unit.starts_with(target));
        between.entry(unit.clone()).or_default().extend(targets);
    }
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for start in between.keys() {
        if let Some(circle) = return_path(start, &between) {
            let members: BTreeSet<_> = circle.iter().cloned().collect();
            if seen.insert(members) {
                let mut names: Vec<_> = circle.iter().map(|path| path.join("::")).collect();
                names.extend(names.first().cloned());
                circles.push(names);
            }
        }
    }
    circles
}

/// Returns each module that is one unit with its parent, and the topmost module of that unit.
fn joined(edges: &Edges) -> BTreeMap<ModulePath, ModulePath> {
    let mut units: BTreeMap<ModulePath, ModulePath> = BTreeMap::new();
    // Parents come before their children.
    for path in edges.keys() {
        let Some((_, parent)) = path.split_last() else {
            continue;
        };
        let parent = parent.to_vec();
        let uses = |from: &ModulePath, to: &ModulePath| {
            edges.get(from).is_some_and(|targets| targets.contains(to))
        };
        if !parent.is_empty() && uses(path, &parent) && uses(&parent, path) {
            let top = units.get(&parent).cloned().unwrap_or(parent);
            units.insert(path.clone(), top);
        }
    }
    units
}

/// Returns the shortest path from a unit back to itself.
fn return_path(start: &ModulePath, edges: &Edges) -> Option<Vec<ModulePath>> {
    let mut ways = std::collections::VecDeque::from([vec![start.clone()]]);
    let mut visited = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in edges.get(way.last()?).into_iter().flatten() {
            if next == start {
                return Some(way);
            }
            if visited.insert(next.clone()) {
                let mut longer = way.clone();
                longer.push(next.clone());
                ways.push_back(longer);
            }
        }
    }
    None
}
