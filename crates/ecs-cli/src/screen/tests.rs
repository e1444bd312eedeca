use proptest::prelude::*;

use super::*;

fn environment(change: impl FnOnce(&mut Environment)) -> Environment {
    let mut environment = Environment {
        term: Some("xterm".to_owned()),
        locale: Some("en_US.UTF-8".to_owned()),
        ..Environment::default()
    };
    change(&mut environment);
    environment
}

#[test]
fn colors_are_for_terminals_that_want_them() {
    let color = |change: fn(&mut Environment), terminal| environment(change).color(terminal);
    assert!(color(|_| {}, true));
    assert!(!color(|_| {}, false));
    assert!(!color(|environment| environment.no_color = true, true));
    assert!(!color(
        |environment| environment.clicolor = Some("0".to_owned()),
        true
    ));
    assert!(!color(
        |environment| environment.term = Some("dumb".to_owned()),
        true
    ));
    assert!(color(
        |environment| environment.clicolor_force = Some("1".to_owned()),
        false
    ));
    assert!(!color(
        |environment| environment.clicolor_force = Some("0".to_owned()),
        false
    ));
    let both: fn(&mut Environment) = |environment| {
        environment.clicolor_force = Some("1".to_owned());
        environment.no_color = true;
    };
    assert!(!color(both, true));
}

#[test]
fn the_locale_or_the_terminal_selects_ascii() {
    for (locale, term, ascii) in [
        (Some("C"), Some("xterm"), true),
        (Some("POSIX"), Some("xterm"), true),
        (Some("C.UTF-8"), Some("xterm"), false),
        (None, Some("xterm"), false),
        (None, None, false),
        (None, Some("dumb"), true),
        (None, Some(""), true),
    ] {
        let environment = environment(|value| {
            value.locale = locale.map(str::to_owned);
            value.term = term.map(str::to_owned);
        });
        assert_eq!(environment.ascii(), ascii, "{environment:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No word is lost, and no line is wider than the screen.
    #[test]
    fn wrapped_lines_fit_and_keep_all_words(text in "[a-zé漢 ]{0,200}", width in 10_usize..200, indent in 0_usize..6) {
        let screen = Screen { width: Some(width), ..Screen::default() };
        let lines = screen.wrapped(&text, indent);
        prop_assert!(lines.iter().all(|line| width_of(line) <= width), "{:?}", lines);
        let kept = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        prop_assert_eq!(kept(&lines.concat()), kept(&text));
    }
}

#[test]
fn ascii_signs_keep_their_width_and_names_stay() {
    let text = "15–35 s, 60× as fast, web-…, [█░], jürgen";
    let plain = in_ascii(text);
    assert_eq!(plain, "15-35 s, 60x as fast, web-~, [#.], jürgen");
    assert_eq!(width_of(&plain), width_of(text));
}
