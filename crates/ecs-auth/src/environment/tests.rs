use super::Environment;
use super::file::{MAX_FILE, read};

#[test]
fn files_are_read_once_with_their_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clouds.yaml");
    assert!(read(&path).is_none());
    assert!(read(folder.path()).is_none(), "a folder is no file");
    std::fs::write(&path, "sesame").unwrap();
    let file = read(&path).unwrap();
    assert_eq!(file.text.unwrap().as_str(), "sesame");
    #[cfg(unix)]
    for (mode, open) in [(0o600, false), (0o640, true), (0o604, true), (0o700, false)] {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(read(&path).unwrap().readable_by_others, open, "{mode:o}");
    }
    std::fs::write(&path, vec![b'a'; MAX_FILE as usize + 1]).unwrap();
    assert!(read(&path).unwrap().text.unwrap_err().contains("larger"));
    std::fs::write(&path, b"\xff").unwrap();
    assert!(read(&path).unwrap().text.is_err());
    assert!(
        read(&path.join("below")).is_none(),
        "as with HOME=/dev/null"
    );
    let long = folder.path().join("x".repeat(5_000));
    assert!(
        read(&long).unwrap().text.is_err(),
        "no answer is no absence"
    );
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd as _;
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut writer, b"piped").unwrap();
        drop(writer);
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        let file = read(path.as_ref()).unwrap();
        assert_eq!(file.text.unwrap().as_str(), "piped");
        assert!(!file.readable_by_others);
    }
}

#[test]
fn debug_shows_names_only() {
    let environment = Environment::default()
        .with_variable("OS_PASSWORD", "sesame")
        .with_file("/clouds.yaml", "sesame");
    let shown = format!("{environment:?} {environment:#?}");
    assert!(shown.contains("OS_PASSWORD") && shown.contains("/clouds.yaml"));
    assert!(!shown.contains("sesame"), "{shown}");
}
