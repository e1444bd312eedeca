//! What is decided about what was looked at.
