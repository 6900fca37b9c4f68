DROP TABLE billing.ledger_entries;
DROP TABLE billing.ledger_transactions;
DROP FUNCTION billing.check_ledger_balance();
