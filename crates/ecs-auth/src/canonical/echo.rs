//! The canonical request that a service repeats when it refuses a signature, compared with ours.

use std::fmt;

use super::{CanonicalRequest, SECURITY_TOKEN};

/// The prefix of the echo in a message.
const ANNOUNCED: &str = "canonicalRequest:";

/// The longest part of a line that is shown.
const MAX_SHOWN: usize = 300;

/// The service's canonical request, as repeated in its message, compared with ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Echo {
    /// The message repeats none.
    Missing,
    /// It equals ours, so the secret key is wrong.
    Same,
    /// It differs from ours.
    Differs(Difference),
}

impl Echo {
    /// Returns a message without the request that the service repeats in it, which is noise.
    ///
    /// ```
    /// let message = "verify aksk signature fail, canonicalRequest:GET|/v1/p";
    /// assert_eq!(ecs_auth::Echo::remove_from(message), "verify aksk signature fail");
    /// ```
    pub fn remove_from(message: &str) -> &str {
        let text = message.split(ANNOUNCED).next().unwrap_or_default();
        text.trim_end_matches([' ', ',', ';'])
    }
}

/// The first difference between the signed request and the one that the service read: the first
/// line of the canonical requests that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The part of the request: `method`, `path`, `query`, `headers`, `signed headers` or `body`.
    pub part: &'static str,
    /// The line as signed.
    pub signed: String,
    /// The line as the service read it.
    pub read: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, signed, read } = self;
        write!(f, "{part}: signed as {signed:?}, read as {read:?}")
    }
}

impl CanonicalRequest {
    /// Compares this canonical request with the one that the service's message repeats, if it does.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use ecs_auth::{AccessKey, Echo, sign};
    ///
    /// let key = AccessKey::new("QTWAOYTTINDUT2QVKYUC", "MFyfvK41")?;
    /// let mut request = http::Request::get("https://ecs.example/v1/p?a=1").body(Bytes::new())?;
    /// let signed = sign(&mut request, &key, "2026-11-23T12:59:00Z".parse()?);
    ///
    /// let ours = signed.canonical_request();
    /// let message = format!("verify aksk signature fail;canonicalRequest:{ours}");
    /// assert_eq!(ours.compare_with_echo(&message), Echo::Same);
    /// let Echo::Differs(difference) = ours.compare_with_echo(&message.replace("a=1", "a=2")) else {
    ///     unreachable!()
    /// };
    /// assert_eq!(difference.to_string(), r#"query: signed as "a=1", read as "a=2""#);
    /// assert_eq!(ours.compare_with_echo("verify aksk signature fail"), Echo::Missing);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn compare_with_echo(&self, message: &str) -> Echo {
        let Some((_, echo)) = message.split_once(ANNOUNCED) else {
            return Echo::Missing;
        };
        let echo = echo.trim_start();
        // Some gateways join the lines.
        let known = ['\n', '|']
            .into_iter()
            .find(|separator| echo.contains(*separator));
        let Some(separator) = known else {
            // Another form, or cut: not comparable.
            return Echo::Missing;
        };
        let ours = String::from_utf8_lossy(&self.0);
        let ours: Vec<&str> = ours.split('\n').collect();
        let mut theirs = echo
            .split(separator)
            .map(|line| line.trim_end_matches('\r'));
        let last = ours.len().saturating_sub(1);
        let token = ours.iter().find_map(|line| {
            let (name, token) = line.split_once(':')?;
            (name == SECURITY_TOKEN && !token.is_empty()).then_some(token)
        });
        for (at, signed) in ours.iter().enumerate() {
            let read = theirs.next().unwrap_or_default();
            // Nothing marks the end of the echo, but the last line is as long as ours.
            let read = if at == last {
                read.get(..signed.len()).unwrap_or(read)
            } else {
                read
            };
            if *signed != read && !is_masked(signed, read) {
                return Echo::Differs(Difference {
                    part: part(at, last),
                    signed: shown(signed, token),
                    read: shown(read, token),
                });
            }
        }
        Echo::Same
    }
}

fn part(at: usize, last: usize) -> &'static str {
    match at {
        0 => "method",
        1 => "path",
        2 => "query",
        _ if at == last => "body",
        _ if at + 1 == last => "signed headers",
        _ => "headers",
    }
}

/// Returns whether the lines differ only in a masked token.
fn is_masked(signed: &str, read: &str) -> bool {
    let token = |line: &str| {
        line.split_once(':')
            .is_some_and(|(name, _)| name.eq_ignore_ascii_case(SECURITY_TOKEN))
    };
    token(signed) && token(read) && read.ends_with("***")
}

/// Masks the token: ours, wherever it is, and anything after the header's name, which may be a part
/// of it.
fn shown(line: &str, token: Option<&str>) -> String {
    let line = match token {
        Some(token) => line.replace(token, "***"),
        None => line.to_owned(),
    };
    // Lower-casing ASCII preserves positions.
    let place = line
        .to_ascii_lowercase()
        .find(&format!("{SECURITY_TOKEN}:"));
    match place.and_then(|place| line.get(..place + SECURITY_TOKEN.len())) {
        Some(before) => cut(before) + ":***",
        None => cut(&line),
    }
}

fn cut(line: &str) -> String {
    line.chars().take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;

    use super::{CanonicalRequest, Echo};
    use crate::canonical::present_headers;

    const TOKEN: &str = "gQpjbi1ub3J0aC00i2bQ";

    fn ours() -> CanonicalRequest {
        let request = Request::post("https://ecs.example/v1/p?a=1")
            .header("host", "ecs.example")
            .header("x-security-token", TOKEN)
            .body(Bytes::from_static(b"{}"))
            .unwrap();
        CanonicalRequest::new(
            &request,
            &present_headers(&request, &["host", "x-security-token"]),
        )
    }

    /// The canonical request as the service writes it, with the token.
    fn echo() -> String {
        let text = String::from_utf8(ours().as_bytes().to_vec()).unwrap();
        format!("verify signature fail;SDK-HMAC-SHA256 …;canonicalRequest:{text}, client: 10.0.0.1")
    }

    #[test]
    fn first_difference_is_reported() {
        for (from, to, expected) in [
            ("POST", "GET", r#"method: signed as "POST", read as "GET""#),
            (
                "/v1/p/",
                "/v1/q/",
                r#"path: signed as "/v1/p/", read as "/v1/q/""#,
            ),
            ("a=1", "", r#"query: signed as "a=1", read as """#),
            (
                "host:ecs",
                "host:proxy",
                r#"headers: signed as "host:ecs.example", read as "host:proxy.example""#,
            ),
            (
                "host;x-sec",
                "host;X-Sec",
                r#"signed headers: signed as "host;x-security-token", read as "host;X-Security-token""#,
            ),
            ("44136f", "000000", "body: signed as \"44136f"),
        ] {
            let message = echo().replacen(from, to, 1);
            let difference = ours().compare_with_echo(&message);
            let Echo::Differs(difference) = difference else {
                panic!("{difference:?}")
            };
            assert!(difference.to_string().starts_with(expected), "{difference}");
        }
    }

    #[test]
    fn equal_requests_mean_a_wrong_key() {
        assert_eq!(ours().compare_with_echo(&echo()), Echo::Same);
        assert_eq!(
            ours().compare_with_echo(&echo().replace('\n', "\r\n")),
            Echo::Same
        );
        let in_one_line = echo().replace('\n', "|");
        assert_eq!(ours().compare_with_echo(&in_one_line), Echo::Same);
        let masked = echo().replace(TOKEN, "***");
        assert_eq!(ours().compare_with_echo(&masked), Echo::Same);
    }

    #[test]
    fn the_token_is_never_shown() {
        for (message, expected) in [
            (echo().replace(TOKEN, "another"), "x-security-token:***"),
            (
                echo().replace("x-security-token:", "X-Security-Token:"),
                "X-Security-Token:***",
            ),
            // An extra line, and joined lines.
            (echo().replace("POST\n", &format!("{TOKEN}\n")), "***"),
            (
                echo().replace("\nx-security", " x-security"),
                "x-security-token:***",
            ),
            (echo().replace(".example\n", ".example:8080\r\n"), "8080"),
        ] {
            let difference = ours().compare_with_echo(&message);
            let Echo::Differs(difference) = difference else {
                panic!("{difference:?}")
            };
            let shown = format!("{difference} {difference:?}");
            assert!(shown.contains(expected), "{shown}");
            assert!(
                !shown.contains("gQpj") && !shown.contains("another"),
                "{shown}"
            );
        }
        for separator in ["\\n", " ", ""] {
            let message = echo().replace('\n', separator);
            assert_eq!(ours().compare_with_echo(&message), Echo::Missing);
        }
        let masked = echo().replace(&format!("x-security-token:{TOKEN}"), "X-Security-Token:***");
        assert_eq!(ours().compare_with_echo(&masked), Echo::Same);
    }

    #[test]
    fn cut_or_missing_echoes_are_missing() {
        assert_eq!(
            ours().compare_with_echo("verify aksk signature fail"),
            Echo::Missing
        );
        let empty = ours().compare_with_echo("canonicalRequest:");
        assert_eq!(empty, Echo::Missing);
        for end in 0..echo().len() {
            if let Some(message) = echo().get(..end) {
                let _ = ours().compare_with_echo(message);
            }
        }
    }
}
