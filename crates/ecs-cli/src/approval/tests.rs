use ssh_key::private::{Ed25519Keypair, KeypairData};

use super::*;

const HASH: &str = "sha256:0123";

fn key(seed: u8, folder: &Path) -> (std::path::PathBuf, String) {
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32]));
    let private = PrivateKey::new(pair, format!("person-{seed}")).unwrap();
    let path = folder.join(format!("key-{seed}"));
    std::fs::write(
        &path,
        private.to_openssh(LineEnding::LF).unwrap().as_bytes(),
    )
    .unwrap();
    (path, private.public_key().to_openssh().unwrap())
}

#[test]
fn a_signature_counts_only_for_its_hash_and_a_known_key() {
    let folder = tempfile::tempdir().unwrap();
    let (one, one_public) = key(1, folder.path());
    let (two, two_public) = key(2, folder.path());
    let keys = folder.path().join("approvers");
    std::fs::write(&keys, format!("# on duty\n\n{one_public}\n")).unwrap();
    let by_one = sign(HASH, &one).unwrap();
    let by_two = sign(HASH, &two).unwrap();
    let other = sign("sha256:4567", &one).unwrap();
    let check = |signatures: &[&str]| check(HASH, signatures.iter().copied(), &keys);
    check(&[&by_one]).unwrap();
    check(&[&by_two, "nonsense", &by_one]).unwrap();
    assert!(check(&[]).unwrap_err().message.contains("has no approval"));
    assert!(
        check(&[&by_two])
            .unwrap_err()
            .message
            .contains("by none of the keys")
    );
    assert!(
        check(&[&other])
            .unwrap_err()
            .message
            .contains("by none of the keys")
    );
    std::fs::write(&keys, &two_public).unwrap();
    assert!(check(&[&by_one]).is_err());
    std::fs::write(&keys, "ssh-ed25519 nonsense\n").unwrap();
    assert!(
        check(&[&by_one])
            .unwrap_err()
            .message
            .contains("approvers:1: not a public SSH key")
    );
    assert!(described(&by_one).starts_with("SHA256:") && described("x").contains("unreadable"));
}

#[test]
fn an_external_signature_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (one, _) = key(1, folder.path());
    let path = folder.path().join("hash.sig");
    std::fs::write(&path, sign(HASH, &one).unwrap()).unwrap();
    read_signature(HASH, &path).unwrap();
    assert!(
        read_signature("sha256:4567", &path)
            .unwrap_err()
            .message
            .contains("not a signature of this plan")
    );
    std::fs::write(&path, "nonsense").unwrap();
    assert!(
        read_signature(HASH, &path)
            .unwrap_err()
            .message
            .contains("is not an SSH signature")
    );
    let fail = sign(HASH, &path).unwrap_err();
    assert!(fail.message.contains("not a private key") && !fail.next.is_empty());
}

/// A signature of OpenSSH 9.2 with the namespace of plans.
#[test]
fn signatures_of_ssh_keygen_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let (one, public) = key(1, folder.path());
    let hash = folder.path().join("hash");
    std::fs::write(&hash, HASH).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&one, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"])
        .args([&one, &hash])
        .output();
    let Ok(made) = made else {
        // Without OpenSSH there is nothing to compare with.
        return;
    };
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let signature = read_signature(HASH, &folder.path().join("hash.sig")).unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, public).unwrap();
    check(HASH, [signature.as_str()].into_iter(), &keys).unwrap();
}

fn approval(user: &str, role: Option<&str>) -> PlanApproval {
    PlanApproval {
        plan_hash: HASH.to_owned(),
        user: user.to_owned(),
        host: "h".to_owned(),
        pid: 1,
        program: "test".to_owned(),
        role: role.map(str::to_owned),
        signature: None,
        approved_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn only_the_approval_of_another_person_is_a_second_pair_of_eyes() {
    // The persons who approve and who apply, by user and role; the planner; the expected result.
    type Who<'a> = (&'a str, Option<&'a str>);
    let table: [(Who<'_>, Who<'_>, Option<&str>, bool); 14] = [
        (
            ("bob", Some("b")),
            ("alice", Some("a")),
            Some("alice"),
            true,
        ),
        (("bob", Some("b")), ("alice", Some("a")), None, false),
        (
            ("bob", Some("a")),
            ("alice", Some("a")),
            Some("alice"),
            false,
        ),
        // The same person with two roles, such as a shared one to deploy.
        (
            ("alice", Some("b")),
            ("alice", Some("a")),
            Some("carol"),
            false,
        ),
        (
            ("alice", Some("b")),
            ("bob", Some("a")),
            Some("alice"),
            false,
        ),
        (("bob", None), ("alice", None), Some("alice"), true),
        (("alice", None), ("alice", None), Some("bob"), false),
        (("alice", None), ("bob", None), Some("alice"), false),
        (
            ("root (sudo by alice)", None),
            ("alice", None),
            Some("carol"),
            false,
        ),
        (
            ("alice", None),
            ("root (sudo by alice)", None),
            Some("carol"),
            false,
        ),
        (("bob", None), ("alice", None), None, false),
        (("bob", None), ("alice", None), Some("uid 1000"), false),
        (
            ("root (sudo by bob)", None),
            ("root (sudo by alice)", None),
            Some("carol"),
            true,
        ),
        (
            ("bob", None),
            ("alice", None),
            Some("root (sudo by bob)"),
            false,
        ),
    ];
    for (approves, applies, planned, counts) in table {
        let approvals = [approval(approves.0, approves.1)];
        let applies = StoreIdentity {
            user: applies.0.to_owned(),
            role: applies.1.map(str::to_owned),
        };
        let found = by_others(&approvals, &applies, planned);
        assert_eq!(
            found.is_ok(),
            counts,
            "{approves:?} {applies:?} {planned:?}"
        );
    }
    let nobody = by_others(
        &[],
        &StoreIdentity {
            user: "alice".to_owned(),
            role: None,
        },
        Some("carol"),
    );
    assert!(
        nobody
            .unwrap_err()
            .message
            .contains("no approval in the store")
    );
}

#[test]
fn a_fingerprint_is_shown_only_of_a_signature_of_this_hash() {
    let folder = tempfile::tempdir().unwrap();
    let (one, _) = key(1, folder.path());
    let signature = sign(HASH, &one).unwrap();
    assert_eq!(verified(HASH, &signature), Some(described(&signature)));
    assert_eq!(verified("sha256:4567", &signature), None);
    assert_eq!(verified(HASH, "nonsense"), None);
}
