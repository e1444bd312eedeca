//! The layering: no circle of imports between the modules of a crate, and no forbidden dependency
//! between crates.

mod arrows;
mod modules;
mod uses;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Checks the whole workspace and prints all problems.
pub(crate) fn check(root: &Path) -> ExitCode {
    match problems(root) {
        Ok(problems) if problems.is_empty() => {
            println!("layers: no circle, no forbidden arrow");
            ExitCode::SUCCESS
        }
        Ok(problems) => {
            for problem in &problems {
                eprintln!("{problem}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("layers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the problems of a workspace's layering, one line each.
fn problems(root: &Path) -> Result<Vec<String>, String> {
    let mut problems = arrows::problems(root)?;
    for entry in roots(root)? {
        let name = entry.parent().and_then(Path::parent);
        let name = name.and_then(Path::file_name).unwrap_or_default();
        for circle in modules::circles(&entry)? {
            problems.push(format!(
                "{}: a circle of imports: {}",
                name.to_string_lossy(),
                circle.join(" -> ")
            ));
        }
    }
    Ok(problems)
}

/// Returns the root file of each crate.
fn roots(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = arrows::folders(root)?;
    folders.sort();
    for folder in folders {
        let files = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file));
        found.extend(files.into_iter().filter(|file| file.is_file()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
