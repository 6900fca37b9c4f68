//! What a customer does, from signing up to the invoice, against the real programs: in a browser, over the API, and with
//! a server that dies on the way.

mod api;
mod browser;
mod customer;
mod faults;

const NAME: &str = "Ann Lee";
const PASSWORD: &str = "copper kettles sing at dawn";
/// What two of the mugs cost, as pages and documents say it.
const TOTAL: &str = "€32.00";
const MUG: &str = "everyday-mug";
