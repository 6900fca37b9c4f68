//! What a customer does, from signing up to the invoice, against the real programs: in a browser, over the API, and with
//! a server that dies on the way.

mod api;
mod backfill;
mod browser;
mod faults;
mod instances;
mod one_connection;

/// What two of the mugs cost, as pages and documents say it.
const TOTAL: &str = "€32.00";

/// What people sign in with once they have changed their password.
const NEW_PASSWORD: &str = "seven lanterns over the quay";
