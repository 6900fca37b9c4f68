COMMENT ON TABLE platform.flags IS NULL;
COMMENT ON INDEX platform.audit_log_subject_idx IS NULL;
COMMENT ON INDEX platform.audit_log_actor_idx IS NULL;
COMMENT ON INDEX platform.audit_log_occurred_at_idx IS NULL;
