-- Whose words a column holds, and what becomes of them when the person leaves: read by `cargo xtask gates personal`.
COMMENT ON COLUMN billing.payments.order_number IS 'not personal: a number that says nothing about who ordered';
COMMENT ON COLUMN billing.payments.session_id IS 'not personal: the provider''s name for a page';
COMMENT ON COLUMN billing.payments.session_url IS 'not personal: the address of the provider''s page';
COMMENT ON COLUMN billing.payments.payment_intent_id IS 'not personal: the provider''s name for a payment';
COMMENT ON COLUMN billing.payments.failure IS 'not personal: a sentence of the provider''s about a payment';
COMMENT ON COLUMN billing.refunds.reason IS 'personal: kept with the books: staff may have named the customer';
COMMENT ON COLUMN billing.refunds.provider_refund_id IS 'not personal: the provider''s name for a refund';
COMMENT ON COLUMN billing.refunds.failure IS 'not personal: a sentence of the provider''s about a refund';
COMMENT ON COLUMN billing.invoices.number IS 'not personal: a number in a series';
COMMENT ON COLUMN billing.invoices.order_number IS 'not personal: a number that says nothing about who ordered';
COMMENT ON COLUMN billing.invoices.content IS 'personal: kept as long as the law wants invoices kept; nobody but its owner and the books reads it';
COMMENT ON COLUMN billing.webhook_events.id IS 'not personal: the provider''s name for an event';
COMMENT ON COLUMN billing.webhook_events.kind IS 'not personal: the provider''s name for a kind of event';
COMMENT ON COLUMN billing.webhook_events.body IS 'personal: deleted after 30 days';
COMMENT ON COLUMN billing.reconciliation.partner IS 'not personal: the name of a partner';
COMMENT ON COLUMN billing.mismatches.subject IS 'not personal: the name of a payment or refund';
COMMENT ON COLUMN billing.mismatches.ours IS 'not personal: an amount and a state';
COMMENT ON COLUMN billing.mismatches.theirs IS 'not personal: an amount and a state';
