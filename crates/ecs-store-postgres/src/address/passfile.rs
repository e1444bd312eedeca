//! Password files, as libpq reads them (PostgreSQL manual, "The Password File"). Pure.

use std::fmt;

use secrecy::SecretString;

/// The contents of a password file: `hostname:port:database:username:password` on each line.
pub struct Passfile(Vec<Line>);

struct Line {
    /// Host, port, database, user; `*` matches all.
    fields: [String; 4],
    password: SecretString,
}

impl Passfile {
    /// Reads the lines. Comments and what is not such a line are skipped.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(lines.filter_map(line).collect())
    }

    /// The password of the first line that matches.
    pub fn find(&self, host: &str, port: u16, database: &str, user: &str) -> Option<SecretString> {
        let port = port.to_string();
        let wanted = [host, &port, database, user];
        let matches = |line: &&Line| {
            let mut pairs = line.fields.iter().zip(wanted);
            pairs.all(|(field, wanted)| field == "*" || field == wanted)
        };
        self.0
            .iter()
            .find(matches)
            .map(|line| line.password.clone())
    }
}

fn line(text: &str) -> Option<Line> {
    let mut fields = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => fields.last_mut()?.extend(characters.next()),
            // The password may hold colons.
            ':' if fields.len() < 5 => fields.push(String::new()),
            _ => fields.last_mut()?.push(character),
        }
    }
    let password = fields.pop().filter(|_| fields.len() == 4)?;
    Some(Line {
        fields: fields.try_into().ok()?,
        password: password.into(),
    })
}

impl fmt::Debug for Passfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passfile({} lines)", self.0.len())
    }
}
