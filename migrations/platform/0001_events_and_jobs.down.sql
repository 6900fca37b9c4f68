DROP TABLE platform.jobs;
DROP TABLE platform.events;
REVOKE USAGE ON SCHEMA platform FROM app;
