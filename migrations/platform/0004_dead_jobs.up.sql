-- waive concurrently: the first release brings this table along as well, so it is empty when this runs
-- What was given up is listed for people, the latest first.
CREATE INDEX jobs_dead_idx ON platform.jobs (finished_at DESC) WHERE state = 'dead';
