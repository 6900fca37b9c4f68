DROP TABLE billing.mismatches;
DROP TABLE billing.reconciliation;
DROP INDEX billing.payments_overdue_idx;
DROP INDEX billing.refunds_unconfirmed_idx;
DROP INDEX billing.payments_unconfirmed_idx;
DROP INDEX billing.refunds_provider_refund_id_key;
DROP INDEX billing.payments_payment_intent_id_key;
ALTER TABLE billing.refunds DROP COLUMN confirmed_at;
ALTER TABLE billing.payments DROP COLUMN confirmed_at;
