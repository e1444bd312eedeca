//! Rights, passwords, TLS, and servers that forget.

use ecs_ops::journal::{Admission, Record};
use ecs_store_postgres::{
    Passfile, PostgresStore, StoreAddress, StoreErrorKind, StoreOptions, Takeover,
};
use ecs_test_support::postgres::{Certificate, Postgres};

use crate::world::{Database, announce, append, begin, database, ids, sql};

#[tokio::test]
async fn a_role_that_runs_needs_no_right_to_a_table() {
    let Some(database) = database().await else {
        return;
    };
    let (role, stranger) = (
        format!("ops_{}", database.name),
        format!("stranger_{}", database.name),
    );
    database
        .execute(&format!(
            "CREATE ROLE {role} LOGIN; CREATE ROLE {stranger} LOGIN"
        ))
        .await;
    let migrated =
        PostgresStore::migrate(database.options("setup"), std::slice::from_ref(&role)).await;
    assert_eq!(migrated.unwrap(), (2, 2));

    let store = PostgresStore::open(database.options_as(&role, "a"))
        .await
        .unwrap();
    let run = begin(&store, "r", ids(0..2)).await;
    assert_eq!(
        announce(&run, 1, ids(0..2)).await.unwrap(),
        Admission::Admitted
    );
    let (run, _) = store.resume("r", Takeover::AtOnce).await.unwrap();
    append(&run, Record::Ended {}).await.unwrap();
    run.release().await.unwrap();
    assert_eq!(store.runs(5).await.unwrap().len(), 1);
    store
        .held(
            &crate::world::ENDPOINT.parse().unwrap(),
            &"p".parse().unwrap(),
            &ids(0..2),
        )
        .await
        .unwrap();
    assert_eq!(
        database
            .value("SELECT string_agg(DISTINCT db_user, ',') FROM ecsctl.epochs")
            .await,
        role
    );
    let check = PostgresStore::check(database.options_as(&role, "a"))
        .await
        .unwrap();
    assert_eq!(
        (check.schema, check.role.as_str(), check.runs),
        (2, role.as_str(), 1)
    );
    // It cannot take back what is written, nor prune.
    let error = store.prune(std::time::Duration::ZERO).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    for statement in [
        "DELETE FROM ecsctl.records",
        "UPDATE ecsctl.runs SET epoch = 0",
        "INSERT INTO ecsctl.quotas VALUES ('', '')",
        "DELETE FROM ecsctl.approvals",
        "INSERT INTO ecsctl.approvals VALUES ('f0000000-0000-0000-0000-000000000001', 'h', '', '', 1, '')",
        "SELECT ecsctl.write_records('r', 1, 1, 'f0000000-0000-0000-0000-000000000001', '{}')",
    ] {
        let (client, _connection) = database.connect().await;
        let refused = client
            .batch_execute(&format!("SET ROLE {role}; {statement}"))
            .await
            .unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{statement}");
    }

    let refused = PostgresStore::check(database.options_as(&stranger, "a"))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Refused);
    assert!(refused.to_string().contains("Rights"), "{refused}");

    let owner = database.store("a").await;
    assert_eq!(
        owner
            .prune(std::time::Duration::from_secs(3600))
            .await
            .unwrap(),
        0
    );
    database.execute("UPDATE ecsctl.runs SET ended_at = ended_at - interval '2 hours'; UPDATE ecsctl.shares SET until = clock_timestamp()").await;
    assert_eq!(
        owner
            .prune(std::time::Duration::from_secs(3600))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        database.value("SELECT count(*) FROM ecsctl.records").await,
        "0"
    );
}

#[tokio::test]
async fn tables_of_other_versions_differ_from_absent_ones() {
    let Some(database) = database().await else {
        return;
    };
    database
        .execute("INSERT INTO ecsctl.migrations VALUES (3, 3, 1)")
        .await;
    let error = PostgresStore::open(database.options("a"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Schema);
    assert!(error.to_string().contains("not write"), "{error}");
    let store = PostgresStore::open_read_only(database.options("a"))
        .await
        .unwrap();
    assert!(store.runs(5).await.unwrap().is_empty());
    database
        .execute("INSERT INTO ecsctl.migrations VALUES (4, 4, 4)")
        .await;
    let error = PostgresStore::open_read_only(database.options("a"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("use a later program"), "{error}");
    database.execute("DROP SCHEMA ecsctl CASCADE").await;
    let error = PostgresStore::open(database.options("a"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NoTables, "{error}");
}

#[tokio::test]
async fn passwords_tls_and_durability() {
    let key = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = Certificate {
        certificate: key.cert.pem(),
        key: key.signing_key.serialize_pem(),
    };
    let Some(server) = Postgres::start(Some(&certificate)) else {
        return;
    };
    let server: &'static Postgres = Box::leak(Box::new(server.unwrap()));
    let database = Database::new(server).await;
    database
        .execute("CREATE ROLE ops LOGIN PASSWORD 'hunter2'")
        .await;
    PostgresStore::migrate(database.options("setup"), &["ops".to_owned()])
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let roots = directory.path().join("ca.pem");
    std::fs::write(&roots, &certificate.certificate).unwrap();
    let address = server.tcp_address("ops", &database.name);
    let options = |address: StoreAddress| StoreOptions::new(address, database.options("a").process);
    let plain: StoreAddress = address.parse().unwrap();
    let open = async |address| PostgresStore::open(options(address)).await;

    // Verified with the file; the password from a password file.
    let passfile = Passfile::parse(&format!("127.0.0.1:{}:*:ops:hunter2", server.port()));
    let trusted = plain.clone().with_roots(&roots);
    open(trusted.clone().with_passfile(&passfile))
        .await
        .unwrap();
    // Not by the system's certificates.
    let error = open(plain.with_passfile(&passfile)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(format!("{error:?}").contains("UnknownIssuer"), "{error:?}");
    // Another name than that of the certificate.
    let localhost: StoreAddress = address.replace("127.0.0.1", "localhost").parse().unwrap();
    let localhost = localhost
        .with_roots(&roots)
        .with_password(&"hunter2".to_owned().into());
    let error = open(localhost).await.unwrap_err();
    assert!(
        format!("{error:?}").contains("NotValidForName"),
        "{error:?}"
    );
    // Without TLS, because it is requested.
    let off: StoreAddress = format!("{address}?sslmode=disable").parse().unwrap();
    open(off.clone().with_passfile(&passfile)).await.unwrap();
    // A wrong password, and none.
    let wrong = off.clone().with_password(&"hunter3".to_owned().into());
    let error = open(wrong).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(
        !format!("{error} {error:?}").contains("hunter"),
        "{error:?}"
    );
    assert!(open(off).await.is_err());

    sql(server, &database.name, "ALTER SYSTEM SET fsync = off").await;
    sql(server, &database.name, "SELECT pg_reload_conf()").await;
    while database.value("current_setting('fsync')").await != "off" {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let error = database_error(&database).await;
    assert_eq!(error.kind(), StoreErrorKind::NotDurable);
    assert!(error.to_string().contains("fsync=off"), "{error}");
    server.stop().unwrap();
}

async fn database_error(database: &Database) -> ecs_store_postgres::StoreError {
    PostgresStore::open(database.options("a"))
        .await
        .unwrap_err()
}
