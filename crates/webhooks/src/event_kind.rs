use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::UnknownName;

/// What can be told of. The names are part of what receivers are promised: none is ever renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// An order waits for its payment.
    OrderPlaced,
    /// An order was paid.
    OrderPaid,
    /// An order's goods are on their way.
    OrderShipped,
    /// An order was given up before it was paid.
    OrderCancelled,
    /// The money for an order went back.
    OrderRefunded,
    /// An invoice or credit note has its number.
    InvoiceIssued,
    /// Nothing has happened: the owner tries out their endpoint.
    Test,
}

impl EventKind {
    /// Every kind that one can subscribe to.
    pub const ALL: [Self; 6] = [
        Self::OrderPlaced,
        Self::OrderPaid,
        Self::OrderShipped,
        Self::OrderCancelled,
        Self::OrderRefunded,
        Self::InvoiceIssued,
    ];

    /// The name in messages, rows and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderPlaced => "order.placed",
            Self::OrderPaid => "order.paid",
            Self::OrderShipped => "order.shipped",
            Self::OrderCancelled => "order.cancelled",
            Self::OrderRefunded => "order.refunded",
            Self::InvoiceIssued => "invoice.issued",
            Self::Test => "webhook.test",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut kinds = Self::ALL.into_iter().chain([Self::Test]);
        kinds.find(|kind| kind.as_str() == name).ok_or(UnknownName)
    }
}

/// What an endpoint is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// Everything, kinds that do not exist yet included.
    All,
    /// These; never none.
    Only(BTreeSet<EventKind>),
}

impl Subscription {
    /// These kinds; all where none is named.
    #[must_use]
    pub fn to(kinds: impl IntoIterator<Item = EventKind>) -> Self {
        let kinds: BTreeSet<_> = kinds.into_iter().collect();
        if kinds.is_empty() {
            Self::All
        } else {
            Self::Only(kinds)
        }
    }

    /// Whether `kind` is among them.
    #[must_use]
    pub fn includes(&self, kind: EventKind) -> bool {
        match self {
            Self::All => true,
            Self::Only(kinds) => kinds.contains(&kind),
        }
    }

    /// The kinds that are named, in their order; none for [`Subscription::All`].
    pub fn named(&self) -> impl Iterator<Item = EventKind> {
        let kinds = match self {
            Self::All => None,
            Self::Only(kinds) => Some(kinds),
        };
        kinds.into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_reads_back_from_its_name() {
        for kind in EventKind::ALL.into_iter().chain([EventKind::Test]) {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("order.lost".parse::<EventKind>(), Err(UnknownName));
    }

    #[test]
    fn whoever_names_nothing_is_told_everything() {
        let all = Subscription::to([]);
        assert!(EventKind::ALL.into_iter().all(|kind| all.includes(kind)));
        let paid = Subscription::to([EventKind::OrderPaid]);
        assert!(paid.includes(EventKind::OrderPaid));
        assert!(!paid.includes(EventKind::OrderPlaced));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn only_what_a_kind_is_called_is_that_kind() {
        fuzzing::text("event_kind", |text| {
            if let Ok(kind) = text.parse::<EventKind>() {
                assert_eq!(kind.as_str(), text);
            }
        });
    }
}
