//! Views that are replaced, and their columns.

use squawk_syntax::SourceFile;
use squawk_syntax::ast;
use squawk_syntax::column_name::ColumnName;

use super::{Parsed, Trouble, name_of};

/// What is wrong with a view that a statement replaces.
pub(super) fn changed(parsed: &Parsed<'_>, statement: &ast::Stmt) -> Option<Trouble> {
    let ast::Stmt::CreateView(view) = statement else {
        return None;
    };
    view.or_replace()?;
    let name = name_of(&view.view()?);
    let earlier = parsed.earlier.iter();
    let files = earlier.map(|migration| SourceFile::parse(&migration.text).tree());
    let before = files.flat_map(|file| file.stmts().collect::<Vec<_>>());
    let before = before.filter_map(|statement| match statement {
        ast::Stmt::CreateView(view) => Some(view),
        _ => None,
    });
    let before = before.filter(|other| other.view().is_some_and(|other| name_of(&other) == name));
    let what = match (before.last().as_ref().and_then(columns), columns(view)) {
        (Some(before), Some(after)) if before == after => return None,
        (Some(before), Some(after)) => {
            format!("{name} had the columns {before:?} and gets {after:?}")
        }
        _ => format!("the columns of {name}, before and after, cannot be told: list them"),
    };
    Some(parsed.trouble("view-columns", statement, what))
}

/// The names of a view's columns, where its text says them.
fn columns(view: &ast::CreateView) -> Option<Vec<String>> {
    if let Some(list) = view.column_list() {
        return Some(list.column_names().map(|name| name_of(&name)).collect());
    }
    let ast::SelectVariant::Select(select) = view.query()? else {
        return None;
    };
    let targets = select.select_clause()?.target_list()?.targets();
    targets
        .map(|target| ColumnName::from_target(target)?.0.to_string())
        .collect()
}
