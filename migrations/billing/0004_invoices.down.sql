DROP TABLE billing.invoices;
DROP TABLE billing.invoice_counters;
