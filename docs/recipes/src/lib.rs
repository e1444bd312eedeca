//! Transports on HTTP clients that in-house tools already have. `docs/own-transport.md` explains them.

pub mod over_reqwest;
pub mod over_tower;

#[cfg(test)]
mod tests;
