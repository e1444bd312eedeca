//! Tests against a real PostgreSQL server. Where none is installed they are left out, and say so.

mod crash;
mod fleet;
mod journal;
mod leases;
mod outage;
mod quota;
mod rights;
mod runs;
mod world;
