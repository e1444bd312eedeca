use super::*;
use crate::clean::can_control_terminal;

#[test]
fn terminal_control_is_escaped() {
    assert_eq!(clean("web-1 é 服务器"), "web-1 é 服务器");
    assert_eq!(clean("a\u{1b}[2Jb\r\n\t"), "a\\u{1b}[2Jb\\r\\n\\t");
    assert_eq!(
        clean("\u{9b}2J\u{7f}\u{202e}x"),
        "\\u{9b}2J\\u{7f}\\u{202e}x"
    );
}

#[test]
fn cleaned_json_is_equivalent() {
    let value = serde_json::json!({"a": "x\u{1b}\u{9b}\u{7f}\u{202e}é", "b": [1, "\n"]});
    for json in [value.to_string(), format!("{value:#}")] {
        let cleaned = clean_json(json.clone());
        assert!(
            !cleaned
                .chars()
                .any(|c| can_control_terminal(c) && c != '\n'),
            "{cleaned:?}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&cleaned).unwrap(),
            value
        );
    }
}

struct Broken(io::ErrorKind, usize);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.1 += 1;
        Err(self.0.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_no_error_but_a_full_disk_is() {
    let mut gone = Results::new(Broken(io::ErrorKind::BrokenPipe, 0));
    gone.write("a\n");
    gone.write("b\n");
    assert_eq!(gone.out.1, 1, "nothing more is tried");
    assert!(gone.finish().is_none());

    let mut full = Results::new(Broken(io::ErrorKind::StorageFull, 0));
    full.write("a\n");
    assert_eq!(full.finish().unwrap().kind(), io::ErrorKind::StorageFull);
}
