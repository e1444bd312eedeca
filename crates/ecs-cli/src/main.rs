//! ecsctl.
fn main() {}
