use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::UserId;

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys.
    Customer,
    /// Staff: helps customers.
    Support,
    /// Staff: handles money.
    Finance,
    /// Staff: everything.
    Admin,
}

impl Role {
    /// The name under which databases and programs know the role.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Support => "support",
            Self::Finance => "finance",
            Self::Admin => "admin",
        }
    }

    /// Whether the role works for the shop.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        !matches!(self, Self::Customer)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// Not fuzzed: what our own rows hold.
impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Customer, Self::Support, Self::Finance, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == name)
            .ok_or(UnknownRole)
    }
}

/// The name is no role of [`Role`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown role: use customer, support, finance or admin")]
pub struct UnknownRole;

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The person.
    pub user_id: UserId,
    /// What they may do.
    pub role: Role,
}

impl Actor {
    /// Proof that the actor works for the shop; a use case for staff asks for it, so the check cannot be forgotten.
    pub fn require_staff(self) -> Result<Staff, NotStaff> {
        if self.role.is_staff() {
            Ok(Staff(self))
        } else {
            Err(NotStaff)
        }
    }
}

/// A member of staff. Only [`Actor::require_staff`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staff(Actor);

impl Staff {
    /// The person.
    #[must_use]
    pub const fn user_id(self) -> UserId {
        self.0.user_id
    }

    /// Their role.
    #[must_use]
    pub const fn role(self) -> Role {
        self.0.role
    }
}

/// The actor is a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only staff may do this")]
pub struct NotStaff;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, Entropy};

    #[test]
    fn a_customer_is_no_proof_of_staff() {
        let user_id = UserId::generate(&Clock::system(), &Entropy::system());
        let actor = |role| Actor { user_id, role };
        assert_eq!(actor(Role::Customer).require_staff(), Err(NotStaff));
        assert_eq!(
            actor(Role::Support).require_staff().unwrap().user_id(),
            user_id
        );
    }

    #[test]
    fn a_role_reads_back_from_its_name() {
        for role in [Role::Customer, Role::Support, Role::Finance, Role::Admin] {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("root".parse::<Role>(), Err(UnknownRole));
    }
}
