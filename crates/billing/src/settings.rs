use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

/// What the module has to be told.
#[derive(Clone, Debug)]
pub struct BillingSettings {
    /// The payment provider's address, such as `https://api.stripe.com`.
    pub api_url: Url,
    /// The secret key of our account there.
    pub api_key: SecretString,
    /// The secrets that webhooks may be signed with: one, or two while one is being replaced.
    pub webhook_secrets: Vec<SecretString>,
    /// Who sells.
    pub seller: Seller,
}

/// Who sells, as it stands on invoices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    /// The name of the firm.
    pub name: String,
    /// Its postal address, line by line.
    pub address: Vec<String>,
    /// Its tax number, where it has one.
    pub tax_id: Option<String>,
}
