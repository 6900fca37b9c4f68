//! Reads a plan as `EXPLAIN (FORMAT JSON, VERBOSE)` writes it, and finds in it what no index serves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::catalogue::Catalogue;
use crate::gates::Rule;

pub(super) static SCAN: Rule = Rule {
    name: "scan",
    why: "It reads the whole table each time: with 100,000 users, seconds for every request and all of the database's memory.",
    fix: "Add an index over the columns of the condition (see migrations/README.md), or bound the table: COMMENT ON TABLE … IS 'bounded: why'.",
    waive: "-- waive scan: <why it may> , as a line of the query.",
};

pub(super) static FILTER: Rule = Rule {
    name: "filter",
    why: "Rows are read and thrown away, as many as share the index's key: the largest customer's page becomes the slowest.",
    fix: "Add the column to the index, as a key or in its WHERE.",
    waive: "-- waive filter: <what bounds the rows thrown away>, as a line of the query.",
};

pub(super) static SORT: Rule = Rule {
    name: "sort",
    why: "All matching rows are read and sorted before the first is answered, however small the LIMIT.",
    fix: "Give the index the columns of ORDER BY after those of WHERE, in the same directions.",
    waive: "-- waive sort: <what bounds the rows sorted>, as a line of the query.",
};

/// A rule that a plan breaks.
pub(super) struct Trouble {
    pub(super) rule: &'static Rule,
    pub(super) what: String,
}

pub(super) struct Plan<'a> {
    root: &'a Value,
    catalogue: &'a Catalogue,
    /// The plans of `WITH` queries, by name.
    named: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(root: &'a Value, catalogue: &'a Catalogue) -> Self {
        let mut named = BTreeMap::new();
        walk(root, &mut |node| {
            if let Some(name) = text(node, "Subplan Name").strip_prefix("CTE ") {
                named.insert(name, node);
            }
        });
        Self {
            root,
            catalogue,
            named,
        }
    }

    /// The indexes that it reads, as `schema.name`.
    pub(super) fn indexes(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut schema = "";
        walk(self.root, &mut |node| {
            // A bitmap of an index names no schema; the scan of its table above does.
            if !text(node, "Schema").is_empty() {
                schema = text(node, "Schema");
            }
            if !text(node, "Index Name").is_empty() {
                found.insert(format!("{schema}.{}", text(node, "Index Name")));
            }
        });
        found
    }

    pub(super) fn troubles(&self) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        self.look(self.root, false, &mut troubles);
        troubles
    }

    /// `limited`: the nodes above take rows one by one and stop at a LIMIT.
    fn look(&self, node: &Value, limited: bool, troubles: &mut Vec<Trouble>) {
        let kind = text(node, "Node Type");
        let filter = self.filter(node);
        let table = format!("{}.{}", text(node, "Schema"), text(node, "Relation Name"));
        let grows = self.catalogue.grows(&table);
        let by_index = kind.starts_with("Index") && !text(node, "Index Cond").is_empty();
        match kind {
            "Seq Scan" if grows => {
                troubles.push(SCAN.trouble(format!("{table} is read from end to end")));
            }
            "Index Scan" | "Index Only Scan"
                if grows && !by_index && !(limited && filter.is_empty()) =>
            {
                let index = text(node, "Index Name");
                troubles
                    .push(SCAN.trouble(format!("{table} is read from end to end along {index}")));
            }
            "Index Scan" | "Index Only Scan" | "Bitmap Heap Scan"
                if grows && !filter.is_empty() && !self.is_bounded(node) =>
            {
                troubles.push(FILTER.trouble(format!(
                    "rows of {table} are read and then dropped: {filter}"
                )));
            }
            "Sort" | "Incremental Sort" if !children(node).all(|child| self.is_bounded(child)) => {
                let key: Vec<_> = node["Sort Key"].as_array().into_iter().flatten().collect();
                let key: Vec<_> = key.iter().filter_map(|key| key.as_str()).collect();
                troubles.push(SORT.trouble(format!("rows are sorted by {}", key.join(", "))));
            }
            _ => {}
        }
        let streams = matches!(
            kind,
            "Limit" | "Nested Loop" | "LockRows" | "Subquery Scan" | "Result" | "ProjectSet"
        );
        for child in children(node) {
            self.look(child, streams && (limited || kind == "Limit"), troubles);
        }
    }

    /// What the node drops rows by, without what its index promises already: a row that is to be locked is looked at
    /// again.
    fn filter(&self, node: &Value) -> String {
        let alias = format!("{}.", text(node, "Alias"));
        let filter = text(node, "Filter").replace(&alias, "");
        let promised = self.catalogue.predicate(text(node, "Index Name"));
        match promised {
            Some(promised) if filter == promised => String::new(),
            Some(promised) => filter.replace(&format!("{promised} AND "), ""),
            None => filter,
        }
    }

    /// Whether the node gives a number of rows that does not grow with the tables: found by a unique key, or limited.
    fn is_bounded(&self, node: &Value) -> bool {
        match text(node, "Node Type") {
            "Limit" | "Result" | "Function Scan" | "Values Scan" | "ProjectSet" => true,
            "Index Scan" | "Index Only Scan" => self.is_lookup(node),
            "Bitmap Heap Scan" => children(node).any(|bitmap| {
                // A bitmap has no alias of its own: its conditions name the columns bare.
                self.is_lookup(bitmap)
            }),
            "Seq Scan" => {
                let table = format!("{}.{}", text(node, "Schema"), text(node, "Relation Name"));
                !self.catalogue.grows(&table)
            }
            "CTE Scan" => self
                .named
                .get(text(node, "CTE Name"))
                .is_some_and(|named| self.is_bounded(named)),
            "Aggregate" if node.get("Group Key").is_none() => true,
            // One row for each of the first child's, where the others are lookups; and whatever passes rows on.
            _ => {
                let mut children = children(node).peekable();
                children.peek().is_some() && children.all(|child| self.is_bounded(child))
            }
        }
    }

    /// Whether all columns of some unique index of the table are compared for equality.
    fn is_lookup(&self, node: &Value) -> bool {
        let alias = format!("{}.", text(node, "Alias"));
        let condition = text(node, "Index Cond").replace(&alias, "");
        self.catalogue
            .unique_keys(text(node, "Index Name"))
            .any(|keys| {
                keys.iter()
                    .all(|key| condition.contains(&format!("({key} = ")))
            })
    }
}

impl Rule {
    fn trouble(&'static self, what: String) -> Trouble {
        Trouble { rule: self, what }
    }
}

fn text<'a>(node: &'a Value, key: &str) -> &'a str {
    node[key].as_str().unwrap_or_default()
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node["Plans"].as_array().into_iter().flatten()
}

/// Calls `visit` with the node and all below it, parents first.
fn walk<'a>(node: &'a Value, visit: &mut impl FnMut(&'a Value)) {
    visit(node);
    for child in children(node) {
        walk(child, visit);
    }
}
