//! The configuration file: contexts with their settings.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::layers::{Key, Layer, Setting};
use super::similar;
use crate::fail::CliError;

/// Keys under which users might store secrets.
const SECRETS: [&str; 10] = [
    "token",
    "secret-key",
    "security-token",
    "access-key",
    "password",
    "passcode",
    "ak",
    "sk",
    "secret_key",
    "access_key",
];

/// The contents of the file.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    context: Option<String>,
    contexts: Vec<(String, Layer)>,
    defaults: Layer,
}

impl ConfigFile {
    /// Reads the file, if it exists.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, CliError> {
        let shown = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &shown).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CliError::usage(format!(
                "cannot read the configuration {shown}: {error}"
            ))),
        }
    }

    /// Parses a text; `shown` names the file in errors and origins.
    pub(super) fn parse(text: &str, shown: &str) -> Result<Self, CliError> {
        let reader = FileReader { text, shown };
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().unwrap_or_default();
            reader.wrong(&at, error.message())
        })?;
        let mut file = Self::default();
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "context" => file.context = Some(reader.text_of("context", value)?),
                "defaults" => {
                    file.defaults = reader.layer(value, "defaults")?;
                }
                "contexts" => {
                    for (name, value) in reader.table_of("contexts", value)? {
                        let name = name.get_ref().to_string();
                        let layer = reader.layer(value, &format!("context {name}"))?;
                        file.contexts.push((name, layer));
                    }
                }
                other => {
                    let known = ["context", "contexts", "defaults"];
                    return Err(reader.unknown(&key.span(), other, &known));
                }
            }
        }
        Ok(file)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.contexts.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn default_context(&self) -> Option<String> {
        self.context.clone()
    }

    pub(super) fn context(&self, name: &str) -> Option<Layer> {
        let found = self.contexts.iter().find(|(known, _)| known == name);
        found.map(|(_, layer)| layer.clone())
    }

    pub(super) fn defaults(&self) -> Layer {
        self.defaults.clone()
    }
}

/// The reader of a text, which reports positions.
struct FileReader<'a> {
    text: &'a str,
    shown: &'a str,
}

impl FileReader<'_> {
    fn layer(&self, value: &Spanned<DeValue<'_>>, of: &str) -> Result<Layer, CliError> {
        let mut layer = BTreeMap::new();
        for (name, value) in self.table_of(of, value)? {
            let Some(key) = Key::of_name(name.get_ref()) else {
                let known = Key::ALL.map(Key::name);
                return Err(self.unknown(&name.span(), name.get_ref(), &known));
            };
            let text = self.text_of(key.name(), value)?;
            let origin = format!("{of} ({}:{})", self.shown, self.line(&name.span()));
            let setting = Setting {
                value: text,
                origin,
            };
            super::apply::check(key, &setting)?;
            layer.insert(key, setting);
        }
        Ok(Layer(layer))
    }

    fn table_of<'v, 'i>(
        &self,
        setting: &str,
        value: &'v Spanned<DeValue<'i>>,
    ) -> Result<&'v DeTable<'i>, CliError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.wrong(&value.span(), &format!("{setting} must be a table"))),
        }
    }

    /// Returns a text; numbers and booleans need no quotes.
    fn text_of(&self, setting: &str, value: &Spanned<DeValue<'_>>) -> Result<String, CliError> {
        match value.get_ref() {
            DeValue::String(text) if !text.is_empty() => Ok(text.to_string()),
            DeValue::Integer(number) => Ok(number.to_string()),
            DeValue::Boolean(flag) => Ok(flag.to_string()),
            _ => Err(self.wrong(
                &value.span(),
                &format!("{setting} must be a text such as \"…\", and not empty"),
            )),
        }
    }

    fn unknown(&self, at: &Range<usize>, name: &str, known: &[&'static str]) -> CliError {
        if SECRETS.contains(&name) {
            return self
                .wrong(at, &format!("{name}: this file takes no credentials"))
                .hint("name their source instead: cloud = \"NAME\" for clouds.yaml, or profile = \"NAME\"");
        }
        let fail = self.wrong(at, &format!("unknown key {name:?}"));
        match similar(name, known.iter().copied()) {
            Some(close) => fail.hint(format!("did you mean {close:?}?")),
            None => fail.hint(format!("known keys: {}", known.join(", "))),
        }
    }

    fn wrong(&self, at: &Range<usize>, setting: &str) -> CliError {
        CliError::usage(format!("{}:{}: {setting}", self.shown, self.line(at)))
    }

    /// Returns the line, counted from 1.
    fn line(&self, at: &Range<usize>) -> usize {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }
}
