use super::*;

#[test]
fn a_path_is_not_parsed_as_an_option() {
    for (path, expected) in [
        ("-x.jsonl", "./-x.jsonl"),
        ("-", "./-"),
        ("x-y", "x-y"),
        ("/-x", "/-x"),
    ] {
        assert_eq!(place(Path::new(path)), expected);
    }
}

#[cfg(unix)]
mod in_a_shell {
    use std::os::unix::ffi::OsStrExt as _;
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// Returns the arguments that a shell parses from the line.
    fn read(line: &str) -> Vec<Vec<u8>> {
        let script = format!("printf '%s\\0' {line}");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{line}");
        let mut message: Vec<_> = output
            .stdout
            .split(|value| *value == 0)
            .map(<[u8]>::to_vec)
            .collect();
        assert_eq!(message.pop(), Some(Vec::new()));
        message
    }

    fn of(word: &[u8]) -> Option<String> {
        quoted(OsStr::from_bytes(word))
    }

    #[test]
    fn unprintable_arguments_are_written_as_bytes() {
        assert_eq!(
            of(b"true\nfalse").as_deref(),
            Some(r#""$(printf 'true\012false')""#)
        );
        assert_eq!(of(b"-\xff").as_deref(), Some(r#""$(printf '\055\377')""#));
        let message: [&[u8]; 10] = [
            b"true\nfalse",
            b"\n\n a",
            b"-n\t%s\\n!'\"$x`y`\x1b[2J",
            b"-\x07",
            b"\xff\xfe.jsonl",
            "\u{202e}ü\u{2028}".as_bytes(),
            "\u{9b}2J*".as_bytes(),
            b"--health-cmd=\ttrue",
            b"\r",
            b"\x01234",
        ];
        let line: Vec<_> = message.iter().map(|word| of(word).unwrap()).collect();
        assert_eq!(read(&line.join(" ")), message);
    }

    #[test]
    fn a_trailing_newline_is_refused() {
        assert_eq!((of(b"true\n"), of(b"\n")), (None, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A shell reads every printed argument back, and escaping does not change it.
        #[test]
        fn a_shell_reads_every_quoted_word_back(message in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(1..=255_u8, 0..40),
                "\\PC*".prop_map(String::into_bytes),
                "[ -~\n\t\u{202e}]{0,20}".prop_map(String::into_bytes),
            ],
            1..20,
        )) {
            let mut expected = Vec::new();
            let mut line = String::new();
            for word in message {
                match of(&word) {
                    Some(quoted) => {
                        prop_assert_eq!(&clean(&quoted), &quoted);
                        line.push_str(&quoted);
                        line.push(' ');
                        expected.push(word);
                    }
                    None => prop_assert!(word.ends_with(b"\n")),
                }
            }
            if !expected.is_empty() {
                prop_assert_eq!(read(&line), expected);
            }
        }
    }
}
