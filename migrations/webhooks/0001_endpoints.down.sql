DROP TABLE webhooks.deliveries;
DROP TABLE webhooks.endpoints;
REVOKE USAGE ON SCHEMA webhooks FROM app;
