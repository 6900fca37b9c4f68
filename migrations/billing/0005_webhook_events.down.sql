DROP TABLE billing.webhook_events;
