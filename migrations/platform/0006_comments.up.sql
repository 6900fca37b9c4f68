-- What does not grow with the number of users may be read from end to end: the gate of the plans asks for no index there.
COMMENT ON TABLE platform.flags IS 'bounded: one row for each switch in the code';

-- What no query of the workspace reads, and people do: the log is searched by hand until it has a page.
COMMENT ON INDEX platform.audit_log_subject_idx IS 'kept: people look up what happened to a thing';
COMMENT ON INDEX platform.audit_log_actor_idx IS 'kept: people look up what somebody did';
COMMENT ON INDEX platform.audit_log_occurred_at_idx IS 'kept: people look up what happened at a time';
