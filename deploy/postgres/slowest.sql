-- On which statements this database spends its time, since it was last counted from zero.
--
--   psql -f deploy/postgres/slowest.sql shop
--
-- `SELECT pg_stat_statements_reset()` begins again, which is worth doing after a release. `cargo xtask explain PART` shows the
-- plan that a statement should have, the log of PostgreSQL the one that it had.
SELECT round(100 * total_exec_time / sum(total_exec_time) OVER ()) AS percent,
       calls,
       round(mean_exec_time::numeric, 1) AS mean_ms,
       round(max_exec_time::numeric) AS longest_ms,
       rows / calls AS rows_a_call,
       left(regexp_replace(query, '\s+', ' ', 'g'), 200) AS statement
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND calls > 0
ORDER BY total_exec_time DESC
LIMIT 20;
