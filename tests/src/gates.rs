//! The gates: what must hold for every query, table, index, route and source file of the workspace, derived from the code's own
//! lists.
//!
//! A gate gives [`Finding`]s. `cargo xtask gates` prints them; the suite plants faults and looks for them.

pub mod access;
mod calls;
pub mod migrations;
pub mod personal;
pub mod plans;
pub mod reversal;
pub mod rooms;
pub mod routes;
pub mod settings;
pub mod source;
pub mod statements;
pub mod world;

use std::fmt;

/// A fault, told so that whoever made it learns something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file and line, or the name of the thing in the database.
    pub place: String,
    /// What is wrong there.
    pub what: String,
    /// The rule that it breaks.
    pub rule: &'static Rule,
}

/// What a gate asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name under which it is waived.
    pub name: &'static str,
    /// What breaking it costs once there are 100,000 users.
    pub why: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// How to be let through nevertheless, with a reason.
    pub waive: &'static str,
}

impl Rule {
    pub(crate) fn broken(
        &'static self,
        place: impl Into<String>,
        what: impl Into<String>,
    ) -> Finding {
        Finding {
            place: place.into(),
            what: what.into(),
            rule: self,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule {
            name,
            why,
            fix,
            waive,
        } = self.rule;
        writeln!(f, "{}: {} [{name}]", self.place, self.what)?;
        writeln!(f, "    why    {why}")?;
        writeln!(f, "    fix    {fix}")?;
        write!(f, "    waive  {waive}")
    }
}
