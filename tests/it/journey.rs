//! What a customer does, from signing up to the invoice, against the real programs: in a browser, over the API, and with
//! a server that dies on the way.

mod api;
mod browser;
mod faults;

/// What two of the mugs cost, as pages and documents say it.
const TOTAL: &str = "€32.00";
