use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn credentials_of_systemd_may_show_the_mask_of_their_access_list() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "x").unwrap();
    let open = |mode, credentials: Option<&Path>| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        is_open(&file, credentials)
    };
    let (here, elsewhere) = (Some(folder.path()), Some(Path::new("/run/credentials/x")));
    assert!(!open(0o600, None) && !open(0o400, here));
    assert!(open(0o440, None) && open(0o440, elsewhere) && open(0o644, None));
    assert!(!open(0o440, here));
    assert!(open(0o444, here) && open(0o460, here));
}
