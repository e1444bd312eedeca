//! Derived attributes of a server, for lists and their filters.

use crate::fleet::Server;

/// Returns a server's tags, as the list writes them.
pub(crate) fn tags_of(server: &Server) -> [String; 2] {
    [
        format!("role={}", server.role()),
        format!("env={}", server.env()),
    ]
}

/// Returns the id of the batch that a server was created in.
pub(crate) fn reservation_id(server: &Server) -> String {
    format!("r-sim{:05}", server.reservation())
}
