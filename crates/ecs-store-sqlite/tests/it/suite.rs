//! What each store guarantees.

ecs_test_support::store_suite!(crate::world::database);
