//! The lookup server.
