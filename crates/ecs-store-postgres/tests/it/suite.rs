//! The guarantees of each store.

ecs_test_support::store_suite!(crate::world::database);
