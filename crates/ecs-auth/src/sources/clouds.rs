//! `clouds.yaml` with `secure.yaml` over it, as OpenStack's tools read them.

use std::path::PathBuf;

use super::fields::{CLOUDS, Fields};
use super::surroundings::{CLOUDS_FILE, File, SECURE_FILE, Surroundings};
use super::yaml::{self, Node};
use crate::{AuthError, AuthErrorKind};

/// The clouds that are described, and where.
pub(super) struct Clouds {
    pub(super) path: PathBuf,
    clouds: Node,
    pub(super) warnings: Vec<String>,
}

impl Clouds {
    /// `None` if there is no `clouds.yaml` (and no `secure.yaml`). One that is there and cannot be read is an error.
    pub(super) fn load(surroundings: &Surroundings) -> Result<Option<Self>, AuthError> {
        let files = [
            (CLOUDS_FILE, surroundings.clouds_files()),
            (SECURE_FILE, surroundings.secure_files()),
        ];
        let mut loaded: Option<Self> = None;
        for (variable, paths) in files {
            surroundings.missing(variable)?;
            let found = paths
                .into_iter()
                .find_map(|path| Some((surroundings.file(&path)?, path)));
            let Some((file, path)) = found else {
                continue;
            };
            let node = read(file, &path)?;
            let warning = open_to_others(file, &path);
            match &mut loaded {
                Some(loaded) => {
                    loaded.clouds.overlay(node);
                    loaded.warnings.extend(warning);
                }
                None => {
                    loaded = Some(Self {
                        path,
                        clouds: node,
                        warnings: warning.into_iter().collect(),
                    });
                }
            }
        }
        Ok(loaded)
    }

    pub(super) fn names(&self) -> Vec<&str> {
        let clouds = self.clouds.get("clouds");
        clouds.into_iter().flat_map(Node::names).collect()
    }

    /// What is said of a cloud: within `auth`, or beside it.
    pub(super) fn cloud(&self, name: &str) -> Option<Fields> {
        let cloud = self.clouds.get("clouds")?.get(name)?;
        Some(Fields::collect(CLOUDS, |field| {
            let within = cloud.get("auth").and_then(|auth| auth.get(field));
            let text = within.and_then(Node::text);
            text.or_else(|| cloud.get(field)?.text()).cloned()
        }))
    }
}

fn read(file: &File, path: &std::path::Path) -> Result<Node, AuthError> {
    let problem = match &file.text {
        Ok(text) => match yaml::parse(text) {
            Ok(node) => return Ok(node),
            Err(problem) => problem,
        },
        Err(problem) => problem.clone(),
    };
    Err(unreadable(path, &problem))
}

pub(super) fn unreadable(path: &std::path::Path, problem: &str) -> AuthError {
    AuthError::new(
        AuthErrorKind::Malformed,
        format!("{} cannot be read: {problem}", path.display()),
    )
}

pub(super) fn open_to_others(file: &File, path: &std::path::Path) -> Option<String> {
    file.readable_by_others.then(|| {
        let path = path.display();
        format!("others can read {path}: take that right away with chmod 600 {path}")
    })
}
