use billing::{BillingSettings, Seller};
use platform::storage::StorageSettings;
use secrecy::SecretString;
use users::{SigningKeys, UsersSettings};
use webhooks::WebhooksSettings;

use super::reader::{Reader, web_address};
use crate::app::Site;

pub(super) fn users(read: &mut Reader<'_>, site: Option<&Site>) -> Option<UsersSettings> {
    let expected = "Ed25519 private keys in PEM: `openssl genpkey -algorithm ed25519`";
    let signing_keys = read.required("JWT_SIGNING_KEY", expected, |pem| {
        SigningKeys::parse_pem(&pem.into())
    });
    let public_url = &site?.public_url;
    Some(UsersSettings {
        signing_keys: signing_keys?,
        issuer: public_url.as_str().trim_end_matches('/').to_owned(),
        audience: format!("{public_url}api"),
    })
}

pub(super) fn billing(read: &mut Reader<'_>, site: Option<&Site>) -> Option<BillingSettings> {
    let api_url = read.required("PAYMENT_API_URL", "https://api.stripe.com", web_address);
    let api_key = read.secret(
        "PAYMENT_API_KEY",
        "the secret key of the account at the provider",
    );
    let expected =
        "the secret that the provider signs webhooks with, or two while one replaces the other";
    let webhook_secrets = read.required("PAYMENT_WEBHOOK_SECRETS", expected, |text| {
        let secrets: Vec<SecretString> =
            text.split(',').map(|secret| secret.trim().into()).collect();
        if secrets.len() > 2 {
            Err("more than two")
        } else {
            Ok(secrets)
        }
    });
    let seller = Seller {
        name: read
            .raw("SELLER_NAME")
            .or_else(|| Some(site?.product_name.clone()))?,
        address: read
            .raw("SELLER_ADDRESS")
            .map(|lines| {
                lines
                    .split(';')
                    .map(|line| line.trim().to_owned())
                    .collect()
            })
            .unwrap_or_default(),
        tax_id: read.raw("SELLER_TAX_ID"),
    };
    Some(BillingSettings {
        api_url: api_url?,
        api_key: api_key?,
        webhook_secrets: webhook_secrets?,
        seller,
    })
}

/// Secrets of endpoints are made from the same key that signs addresses of files, each use by a derivation of its own.
pub(super) fn webhooks(
    read: &mut Reader<'_>,
    storage: Option<&StorageSettings>,
) -> Option<WebhooksSettings> {
    let private = read.optional(
        "WEBHOOK_ALLOW_PRIVATE_ADDRESSES",
        "true or false",
        str::parse::<bool>,
    );
    Some(WebhooksSettings {
        secret_key: storage?.signing_key.clone(),
        allow_private_addresses: private.unwrap_or(false),
    })
}
