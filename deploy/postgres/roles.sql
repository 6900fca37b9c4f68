-- The roles of every installation and, when `database` is given, the database. May be run again at any time.
--
--   APP_PASSWORD=… MIGRATOR_PASSWORD=… psql -v database=shop -f deploy/postgres/roles.sql postgres
--
-- The passwords come from the environment, because a command line is visible to every user of the machine. Without
-- them the roles are left as they are, which is enough where connections need none.

\set ON_ERROR_STOP on

-- `migrator` owns whatever the migrations make. `app` is what the server and the worker run as: it reads and writes
-- rows as each migration grants it, and cannot change a table.
SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['migrator', 'app']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

\getenv migrator_password MIGRATOR_PASSWORD
\if :{?migrator_password}
ALTER ROLE migrator PASSWORD :'migrator_password';
\endif
\getenv app_password APP_PASSWORD
\if :{?app_password}
ALTER ROLE app PASSWORD :'app_password';
\endif

-- Limits are settings of the role and not of the connection: PgBouncer refuses startup options.
-- A statement that takes longer is a fault in its plan; a transaction left idle holds its locks against everybody.
ALTER ROLE app SET statement_timeout = '15s';
ALTER ROLE app SET idle_in_transaction_session_timeout = '15s';
-- A migration that waits for a lock makes everybody behind it wait as well: it gives up and is tried again.
ALTER ROLE migrator SET lock_timeout = '2s';

\if :{?database}
SELECT format('CREATE DATABASE %I OWNER migrator', :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database')
\gexec
ALTER DATABASE :"database" OWNER TO migrator;
-- By default every role of the cluster may connect, and make temporary tables.
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO app;
-- What the statements of this database cost. Each role sees the texts of its own alone.
\connect :"database"
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
\endif
