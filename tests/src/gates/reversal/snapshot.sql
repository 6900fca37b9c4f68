-- Everything that a schema is made of, one thing a row. What sqlx itself keeps there is left out, and so is the order of
-- columns: nothing relies on it, and a column that comes back stands at the end.
WITH home AS (
    SELECT * FROM pg_namespace WHERE nspname = $1
), relation AS (
    SELECT pg_class.* FROM pg_class JOIN home ON home.oid = relnamespace WHERE relname NOT LIKE '\_migrations%'
), thing (name, definition, rights, comment) AS (
    SELECT 'the schema', '', coalesce(nspacl, acldefault('n', nspowner)), obj_description(oid, 'pg_namespace')
    FROM home
    UNION ALL
    SELECT CASE relkind WHEN 'S' THEN 'sequence ' WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view '
               ELSE 'table ' END || relname,
           concat_ws(' ', relpersistence, reloptions::text, relrowsecurity, relforcerowsecurity,
               CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END),
           coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)),
           obj_description(oid, 'pg_class')
    FROM relation WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
    UNION ALL
    SELECT 'column ' || relname || '.' || attname,
           concat_ws(' ', format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'NOT NULL' END,
               'DEFAULT ' || pg_get_expr(adbin, adrelid), 'identity ' || nullif(attidentity::text, ''),
               'generated ' || nullif(attgenerated::text, ''), 'COLLATE ' || nullif(attcollation, 0)::regcollation),
           attacl, col_description(attrelid, attnum)
    FROM relation JOIN pg_attribute ON attrelid = relation.oid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relkind IN ('r', 'p', 'v', 'm', 'c') AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT 'constraint ' || relname || '.' || conname, pg_get_constraintdef(pg_constraint.oid), NULL,
           obj_description(pg_constraint.oid, 'pg_constraint')
    FROM relation JOIN pg_constraint ON conrelid = relation.oid
    UNION ALL
    SELECT 'index ' || relname, concat_ws(' ', pg_get_indexdef(oid), CASE WHEN NOT indisvalid THEN 'INVALID' END), NULL,
           obj_description(oid, 'pg_class')
    FROM relation JOIN pg_index ON indexrelid = oid
    UNION ALL
    SELECT 'numbers of ' || relname,
           concat_ws(' ', format_type(seqtypid, NULL), seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle),
           NULL, NULL
    FROM relation JOIN pg_sequence ON seqrelid = oid
    UNION ALL
    SELECT 'trigger ' || relname || '.' || tgname, concat_ws(' ', pg_get_triggerdef(pg_trigger.oid), tgenabled), NULL,
           obj_description(pg_trigger.oid, 'pg_trigger')
    FROM relation JOIN pg_trigger ON tgrelid = relation.oid WHERE NOT tgisinternal
    UNION ALL
    SELECT 'policy ' || relname || '.' || polname,
           concat_ws(' ', polcmd, polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid),
               pg_get_expr(polwithcheck, polrelid)),
           NULL, obj_description(pg_policy.oid, 'pg_policy')
    FROM relation JOIN pg_policy ON polrelid = relation.oid
    UNION ALL
    SELECT 'statistics ' || stxname, pg_get_statisticsobjdef(pg_statistic_ext.oid), NULL, NULL
    FROM home JOIN pg_statistic_ext ON stxnamespace = home.oid
    UNION ALL
    SELECT 'function ' || proname || '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')',
           CASE WHEN prokind IN ('f', 'p') THEN pg_get_functiondef(pg_proc.oid) END,
           coalesce(proacl, acldefault('f', proowner)), obj_description(pg_proc.oid, 'pg_proc')
    FROM home JOIN pg_proc ON pronamespace = home.oid
    UNION ALL
    SELECT 'type ' || typname,
           concat_ws(' ', typtype, nullif(typbasetype, 0)::regtype, typnotnull, typdefault,
               (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = pg_type.oid)),
           coalesce(typacl, acldefault('T', typowner)), obj_description(pg_type.oid, 'pg_type')
    FROM home JOIN pg_type ON typnamespace = home.oid WHERE typtype IN ('e', 'd', 'r')
)
SELECT name::text,
       concat_ws('; ', definition,
           (SELECT string_agg(item::text, ' ' ORDER BY item::text) FROM unnest(rights) AS item),
           comment) AS definition
FROM thing
