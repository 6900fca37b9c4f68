DROP INDEX platform.jobs_dead_idx;
