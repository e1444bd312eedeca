use super::*;

#[test]
fn the_migrations_lead_to_the_version_of_this_program() {
    let versions: Vec<_> = MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .collect();
    assert_eq!(versions, (1..=VERSION).collect::<Vec<_>>());
}
