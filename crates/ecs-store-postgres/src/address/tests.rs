use secrecy::ExposeSecret as _;

use super::*;

fn parse(text: &str) -> Result<StoreAddress, StoreError> {
    text.parse()
}

#[test]
fn tls_is_verified_unless_off_or_on_a_socket() {
    assert_eq!(parse("postgres://u@h/d").unwrap().tls(), Tls::Verified);
    assert_eq!(
        parse("postgres://127.0.0.1/d").unwrap().tls(),
        Tls::Verified
    );
    let verified =
        parse("postgres://u@h/d?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem").unwrap();
    assert_eq!(verified.tls(), Tls::Verified);
    assert_eq!(verified.roots(), Some(&PathBuf::from("/etc/ca.pem")));
    assert_eq!(
        parse("postgres://u@h/d?sslmode=disable").unwrap().tls(),
        Tls::Off
    );
    assert_eq!(parse("postgres://u@%2Ftmp/d").unwrap().tls(), Tls::Off);
    assert_eq!(
        parse("postgres:///d?host=/tmp&user=u").unwrap().tls(),
        Tls::Off
    );
    for mode in ["require", "prefer", "allow", "verify-ca", ""] {
        let error = parse(&format!("postgres://u@h/d?sslmode={mode}")).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
        assert!(error.to_string().contains("verify-full"), "{error}");
    }
}

#[test]
fn no_error_and_no_output_repeats_a_password() {
    let address = parse("postgres://u:hunter2@h/d").unwrap();
    assert!(address.has_password());
    assert!(!format!("{address} {address:?}").contains("hunter2"));
    assert!(
        parse("postgres://u@h/d?password=hunter2")
            .unwrap()
            .has_password()
    );
    for wrong in [
        "postgres://u:hunter2@h:port/d",
        "postgres://u:hunter2@h/d?hunter2=1",
        "mysql://u:hunter2@h/d",
        "postgres://u:hunter2@/d",
        "postgres://u:hunter2@h,%2Ftmp/d",
        "hunter2",
    ] {
        let error = parse(wrong).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid, "{wrong}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{wrong}");
    }
}

#[test]
fn a_password_file_is_read_as_libpq_reads_it() {
    let text = "# a comment\nnonsense\nh:5432:d:u:first\n*:*:d:o\\:ps:se:cr\\\\et\n*:*:*:*:any\n";
    let passfile = Passfile::parse(text);
    let find = |host, port, database, user| {
        let found = passfile.find(host, port, database, user);
        found.map(|password| password.expose_secret().to_owned())
    };
    assert_eq!(find("h", 5432, "d", "u").unwrap(), "first");
    assert_eq!(find("x", 1, "d", "o:ps").unwrap(), "se:cr\\et");
    assert_eq!(find("h", 5433, "d", "u").unwrap(), "any");
    assert!(!format!("{passfile:?}").contains("first"));
    assert!(
        Passfile::parse("h:5432:d:u")
            .find("h", 5432, "d", "u")
            .is_none()
    );

    let address = |text: &str| parse(text).unwrap().with_passfile(&passfile);
    let password = |address: StoreAddress| address.config.get_password().map(<[u8]>::to_vec);
    assert_eq!(password(address("postgres://u@h/d")).unwrap(), b"first");
    // The given value goes first.
    assert_eq!(
        password(address("postgres://u:given@h/d")).unwrap(),
        b"given"
    );
    let only = Passfile::parse("localhost:5433:d:u:socket");
    let socket = parse("postgres://u@%2Ftmp:5433/d")
        .unwrap()
        .with_passfile(&only);
    assert_eq!(password(socket).unwrap(), b"socket");
}
