//! The rules that squawk does not have, or cannot have: it knows neither our schemas nor our queries.

use squawk_syntax::ast::{self, AstNode};

use super::{Linter, Parsed, Trouble, name_of, plain, views};

pub(super) fn troubles(parsed: &Parsed<'_>, linter: &Linter) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for statement in parsed.file.stmts() {
        if let Some((rule, what)) = judge(parsed, &statement) {
            troubles.push(parsed.trouble(rule, &statement, what));
        }
        if let Some(trouble) = views::changed(parsed, &statement) {
            troubles.push(trouble);
        }
        troubles.extend(foreign_names(parsed, linter, &statement));
        troubles.extend(optional_columns(parsed, linter, &statement));
    }
    troubles.extend(outside_of_transactions(parsed));
    troubles
}

/// What a whole statement is refused for.
fn judge(parsed: &Parsed<'_>, statement: &ast::Stmt) -> Option<(&'static str, String)> {
    let refused = |rule: &'static str, what: &str| Some((rule, what.to_owned()));
    match statement {
        ast::Stmt::Update(_)
        | ast::Stmt::Delete(_)
        | ast::Stmt::Merge(_)
        | ast::Stmt::Insert(_)
        | ast::Stmt::Select(_) => writes_without_batches(parsed, statement),
        ast::Stmt::Lock(_) => refused("lock-table", "a table is locked by hand"),
        ast::Stmt::Truncate(_) => refused("truncate", "a table is emptied"),
        ast::Stmt::Vacuum(vacuum) if says(vacuum, "full") => {
            refused("rewrite", "VACUUM FULL copies the whole table")
        }
        ast::Stmt::Cluster(_) => refused("rewrite", "CLUSTER copies the whole table"),
        ast::Stmt::Refresh(refresh) if refresh.concurrently_token().is_none() => refused(
            "refresh",
            "the view cannot be read while it is computed anew",
        ),
        ast::Stmt::CreateTrigger(_) => refused("trigger", "a table that is in use gets a trigger"),
        ast::Stmt::Do(_) => refused("do-block", "no rule reads what stands in a DO block"),
        ast::Stmt::CreateType(it) if has::<ast::EnumType>(it) => {
            refused("enum", "a value of an enum type can never be removed")
        }
        ast::Stmt::CreateExtension(_)
        | ast::Stmt::CreateRole(_)
        | ast::Stmt::CreateUser(_)
        | ast::Stmt::CreateGroup(_)
        | ast::Stmt::CreateDatabase(_)
        | ast::Stmt::CreateTablespace(_) => {
            refused("whole-server", "this belongs to the whole server")
        }
        ast::Stmt::AlterTable(_)
        | ast::Stmt::AlterIndex(_)
        | ast::Stmt::AlterMaterializedView(_)
            if has::<ast::SetTablespace>(statement)
                || has::<ast::AllInTablespace>(statement)
                || has::<ast::SetAccessMethod>(statement)
                || has::<ast::SetLogged>(statement)
                || has::<ast::SetUnlogged>(statement) =>
        {
            refused("rewrite", "the whole table is copied")
        }
        _ => None,
    }
}

/// An UPDATE, DELETE or MERGE, also of a WITH, whose table is not new.
fn writes_without_batches(
    parsed: &Parsed<'_>,
    statement: &ast::Stmt,
) -> Option<(&'static str, String)> {
    statement.syntax().descendants().find_map(|node| {
        let target = if let Some(update) = ast::Update::cast(node.clone()) {
            update.relation_name().map(|name| name_of(&name))
        } else if let Some(delete) = ast::Delete::cast(node.clone()) {
            delete.relation_name().map(|name| name_of(&name))
        } else {
            let merge = ast::Merge::cast(node)?;
            merge.table_relation_name().map(|name| name_of(&name))
        }?;
        let what = format!("rows of {target} are changed all at once");
        (!parsed.new.contains(&target)).then_some(("batchless-write", what))
    })
}

/// What of another schema is named, and who else is granted something.
fn foreign_names(parsed: &Parsed<'_>, linter: &Linter, statement: &ast::Stmt) -> Vec<Trouble> {
    let own = &parsed.migration.module;
    let mut troubles = Vec::new();
    for node in statement.syntax().descendants() {
        let schema = if let Some(path) = ast::PathRef::cast(node.clone()) {
            path.qualifier().map(|schema| name_of(&schema))
        } else if let Some(path) = ast::Path::cast(node.clone()) {
            path.qualifier().map(|schema| name_of(&schema))
        } else {
            ast::SchemaRef::cast(node).map(|schema| name_of(&schema))
        };
        let foreign = schema
            .filter(|schema| schema != own)
            .filter(|schema| schema == "public" || linter.schemas.contains(schema));
        if let Some(schema) = foreign {
            let what = format!("{own} names something of the schema {schema}");
            troubles.push(parsed.trouble("cross-schema", statement, what));
        }
    }
    if let ast::Stmt::Grant(grant) = statement
        && let Some(roles) = grant.role_ref_list()
    {
        let others = roles.role_refs().map(|role| name_of(&role));
        for role in others.filter(|role| role != "app") {
            let what = format!("something is granted to {role}, who is not this application");
            troubles.push(parsed.trouble("cross-schema", statement, what));
        }
    }
    troubles
}

/// Columns that may become NULL though a query reads them as if they never were.
fn optional_columns(parsed: &Parsed<'_>, linter: &Linter, statement: &ast::Stmt) -> Vec<Trouble> {
    let ast::Stmt::AlterTable(table) = statement else {
        return Vec::new();
    };
    let Some(name) = table.table_relation_name().map(|name| name_of(&name)) else {
        return Vec::new();
    };
    let actions = table.actions();
    let columns = actions.filter_map(|action| match action {
        ast::AlterTableAction::AlterColumn(column)
            if matches!(
                column.option(),
                Some(ast::AlterColumnOption::DropNotNull(_))
            ) =>
        {
            column.column_name_ref().map(|column| name_of(&column))
        }
        _ => None,
    });
    columns
        .filter_map(|column| {
            let readers = linter.readers.iter();
            let mut strict =
                readers.filter(|it| it.table == name && it.column == column && !it.optional);
            let place = &strict.next()?.place;
            let what = format!("{name}.{column} may be NULL, and {place} reads no Option");
            Some(parsed.trouble("drop-not-null", statement, what))
        })
        .collect()
}

/// What stands in the wrong kind of file.
fn outside_of_transactions(parsed: &Parsed<'_>) -> Vec<Trouble> {
    let statements: Vec<_> = parsed.file.stmts().collect();
    if !parsed.in_transaction {
        let too_many = statements.get(1).map(|second| {
            let what = "a file without a transaction holds one statement";
            parsed.trouble("no-transaction", second, what)
        });
        return too_many.into_iter().collect();
    }
    let needs_none = statements.iter().filter(|statement| {
        // A view is refreshed concurrently in a transaction as well.
        (says(*statement, "concurrently") && !matches!(statement, ast::Stmt::Refresh(_)))
            || matches!(statement, ast::Stmt::Vacuum(_))
    });
    needs_none
        .map(|statement| {
            let what = "PostgreSQL refuses this in a transaction";
            parsed.trouble("no-transaction", statement, what)
        })
        .collect()
}

/// Whether a node has one of kind `N` in it.
fn has<N: AstNode>(node: &impl AstNode) -> bool {
    node.syntax()
        .descendants()
        .any(|node| N::can_cast(node.kind()))
}

/// Whether a keyword stands in the statement.
fn says(node: &impl AstNode, keyword: &str) -> bool {
    let mut elements = node.syntax().descendants_with_tokens();
    elements.any(|element| {
        let token = element.as_token();
        token.is_some_and(|token| plain(token.text()) == keyword)
    })
}
