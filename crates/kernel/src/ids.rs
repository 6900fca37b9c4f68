use crate::{Clock, Entropy};

/// Declares an id of its own type, so that an order's id cannot be passed where a user's is meant.
macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// A new id (UUID version 7, RFC 9562): ids made later sort later, so indexes grow at one end.
            #[must_use]
            pub fn generate(clock: &Clock, entropy: &Entropy) -> Self {
                let millis = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &entropy.bytes()).into_uuid())
            }

            /// The id that a database row or a path segment holds.
            #[must_use]
            pub const fn from_uuid(uuid: uuid::Uuid) -> Self {
                Self(uuid)
            }

            /// The bare value, to bind it to a query.
            #[must_use]
            pub const fn as_uuid(self) -> uuid::Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

typed_ids! {
    /// A person with an account.
    UserId;
    /// One signed-in browser. Not a secret: the session's token is, see [`crate::Token`].
    SessionId;
    /// One uploaded picture of a person.
    AvatarId;
    /// A product of the catalogue.
    ProductId;
    /// A cart, of a person or of a browser that has not signed in.
    CartId;
    /// An order. What a person quotes is its number.
    OrderId;
    /// One file that a customer has attached to an order.
    AttachmentId;
    /// A payment of one order; also the idempotency key of the call that opens it at the provider.
    PaymentId;
    /// An invoice or credit note. What a person quotes is its gapless number.
    InvoiceId;
    /// A refund; also the idempotency key of the call that asks the provider for it.
    RefundId;
    /// An endpoint that a customer has registered for webhooks.
    EndpointId;
    /// A webhook on its way to one endpoint.
    DeliveryId;
    /// A published event.
    EventId;
    /// A background job.
    JobId;
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn a_later_id_sorts_later() {
        let clock = Clock::fixed(DateTime::UNIX_EPOCH);
        let entropy = Entropy::seeded(1);
        let earlier = OrderId::generate(&clock, &entropy);
        clock.advance(TimeDelta::milliseconds(1));
        assert!(earlier < OrderId::generate(&clock, &entropy));
    }

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = UserId::generate(&Clock::system(), &Entropy::system());
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("42".parse::<UserId>().is_err());
    }
}

#[cfg(test)]
mod fuzz {
    use crate::UserId;

    #[test]
    fn an_id_that_was_read_prints_as_what_reads_back() {
        fuzzing::text("id", |text| {
            if let Ok(id) = text.parse::<UserId>() {
                assert_eq!(id.to_string().parse(), Ok(id));
                assert_eq!(id.to_string().len(), 36);
            }
        });
    }
}
