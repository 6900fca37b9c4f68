//! The rules of the house that no compiler knows. Each is derived from the code's own lists, and each is shown to fail.

mod alerts;
mod deploy;
mod graph;
mod manuals;
mod parsers;
mod personal;
mod queries;
mod rooms;
mod schemas;
mod scratch;
mod settings;
mod supply;
