DROP TABLE platform.audit_log;
DROP TABLE platform.flags;
