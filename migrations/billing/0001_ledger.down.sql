DROP TABLE billing.ledger_entries;
DROP TABLE billing.ledger_transactions;
DROP FUNCTION billing.check_ledger_balance();
REVOKE USAGE ON SCHEMA billing FROM app;
