//! Which of squawk's rules hold here, and which of our documents explains each.

use squawk_linter::{Linter, LinterSettings, Rule};
use squawk_syntax::ast;
use squawk_syntax::{Parse, SourceFile};

use super::{Parsed, Trouble, name_of};

/// Our rule for one of squawk's. `None`: it is not wanted.
///
/// Not wanted are matters of taste (`bigint` everywhere), time limits, which `server migrate` sets, and what a rule of our
/// own judges with more knowledge: NOT NULL by the readers of the column, replaced views by their columns.
fn ours(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::RequireConcurrentIndexCreation
        | Rule::RequireConcurrentIndexDeletion
        | Rule::RequireConcurrentReindex
        | Rule::RequireConcurrentPartitionDetach => "concurrently",
        Rule::PreferRobustStmts => "no-transaction",
        Rule::ConstraintMissingNotValid | Rule::AddingForeignKeyConstraint => "not-valid",
        Rule::DisallowedUniqueConstraint | Rule::AddingSerialPrimaryKeyField => {
            "unique-using-index"
        }
        Rule::AddingNotNullableField => "set-not-null",
        Rule::AddingRequiredField => "required-column",
        Rule::AddingFieldWithDefault => "volatile-default",
        Rule::ChangingColumnType => "column-type",
        Rule::RenamingColumn | Rule::RenamingTable | Rule::RenamingObject | Rule::BanSetSchema => {
            "rename"
        }
        Rule::BanDropColumn
        | Rule::BanDropConstraint
        | Rule::BanDropDatabase
        | Rule::BanDropDomain
        | Rule::BanDropFunction
        | Rule::BanDropIndex
        | Rule::BanDropSchema
        | Rule::BanDropSequence
        | Rule::BanDropTable
        | Rule::BanDropTrigger
        | Rule::BanDropType
        | Rule::BanDropView
        | Rule::BanDetachInheritance => "drop",
        Rule::BanSetDefault | Rule::BanDropDefault => "set-default",
        Rule::BanAddEnumValue | Rule::RequireEnumValueOrdering => "enum",
        Rule::BanCreateDomainWithConstraint | Rule::BanAlterDomainWithAddConstraint => "domain",
        Rule::PreferTextField
        | Rule::BanCharField
        | Rule::PreferTimestampTz
        | Rule::PreferIdentity => "types",
        Rule::TransactionNesting | Rule::BanUncommittedTransaction => "own-transaction",
        Rule::IdentifierTooLong => "name-too-long",
        Rule::RequireTableSchema => "schema-qualified",
        Rule::BanTruncateCascade => "truncate",
        Rule::BanRevoke => "revoke",
        Rule::BanDisableTrigger => "trigger",
        Rule::BanAlterRowLevelSecurity
        | Rule::BanCreatePolicy
        | Rule::BanAlterPolicyCondition
        | Rule::BanAlterPolicyRoles
        | Rule::BanDropPolicy => "row-security",
        Rule::BanAlterIdentity
        | Rule::BanDropGeneratedExpression
        | Rule::BanAlterGeneratedExpression
        | Rule::BanAlterSequenceValues => "generated-values",
        Rule::BanAlterSystemOptions
        | Rule::BanAlterDatabaseOptions
        | Rule::BanAlterRoleOptions
        | Rule::BanAlterExtension
        | Rule::BanDropExtension
        | Rule::BanReplicaIdentity => "whole-server",
        _ => return None,
    })
}

/// Those of squawk's rules that are off unless asked for, and wanted.
const OPT_IN: [Rule; 18] = [
    Rule::RequireTableSchema,
    Rule::BanDropTrigger,
    Rule::BanDropIndex,
    Rule::BanSetDefault,
    Rule::BanDisableTrigger,
    Rule::BanReplicaIdentity,
    Rule::BanDropPolicy,
    Rule::BanRevoke,
    Rule::BanAlterPolicyCondition,
    Rule::BanAlterPolicyRoles,
    Rule::BanCreatePolicy,
    Rule::BanAlterRoleOptions,
    Rule::BanAlterDatabaseOptions,
    Rule::BanAlterRowLevelSecurity,
    Rule::BanAddEnumValue,
    Rule::BanDetachInheritance,
    Rule::BanAlterSequenceValues,
    Rule::BanAlterSystemOptions,
];

pub(super) fn troubles(parsed: &Parsed<'_>, parse: &Parse<SourceFile>) -> Vec<Trouble> {
    let mut linter = Linter::with_rules(&OPT_IN, &[]);
    linter.settings = LinterSettings {
        assume_in_transaction: parsed.in_transaction,
        ..LinterSettings::default()
    };
    let violations = linter.lint(parse, &parsed.migration.text);
    let troubles = violations.into_iter().filter_map(|violation| {
        let at = u32::from(violation.text_range.start()) as usize;
        Some(Trouble {
            rule: ours(violation.code)?,
            what: violation.message.trim_end_matches('.').to_owned(),
            at,
            statement: parsed.statement_at(at),
        })
    });
    let mut troubles: Vec<_> = troubles.collect();
    let replaced = replaced_constraints(parsed);
    troubles.retain(|trouble| trouble.rule != "drop" || !replaced.contains(&trouble.at));
    // Squawk asks for NOT VALID there too, which a UNIQUE constraint cannot be.
    let unique = troubles.iter().filter(|it| it.rule == "unique-using-index");
    let unique: Vec<_> = unique.map(|trouble| trouble.statement.clone()).collect();
    troubles.retain(|trouble| trouble.rule != "not-valid" || !unique.contains(&trouble.statement));
    troubles
}

/// Where constraints are dropped of whose name the same statement adds one: they change, and do not go.
fn replaced_constraints(parsed: &Parsed<'_>) -> Vec<usize> {
    let mut replaced = Vec::new();
    for statement in parsed.file.stmts() {
        let ast::Stmt::AlterTable(table) = statement else {
            continue;
        };
        let added: Vec<_> = table
            .actions()
            .filter_map(|action| match action {
                ast::AlterTableAction::AddConstraint(it) => it.constraint()?.constraint_name(),
                _ => None,
            })
            .map(|name| name_of(&name))
            .collect();
        replaced.extend(table.actions().filter_map(|action| match action {
            ast::AlterTableAction::DropConstraint(it) => {
                let name = name_of(&it.constraint_name_ref()?);
                added.contains(&name).then(|| super::start_of(&it))
            }
            _ => None,
        }));
    }
    replaced
}
