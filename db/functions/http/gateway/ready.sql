create or replace function http.ready(p_migrations text[])
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select json_object_agg(c.name, c.state order by c.position)
        from (
            select 1 as position, 'database' as name, 'ok' as state
            union all
            select 2, 'migrations', coalesce('failed: not applied: ' || string_agg(m.name, ', ' order by m.name), 'ok')
            from unnest(p_migrations) as m (name)
            where m.name not in (select y.migration_id from store._yoyo_migration as y)
            union all
            select 2 + s.position, s.name, coalesce('warning: ' || string_agg(w.message, '; '), 'ok')
            from unnest(array['jobs', 'ledger', 'verify']) with ordinality as s (name, position)
            left join inventory.warnings() as w on s.name = w.subject
            group by s.position, s.name
        ) as c
    );
end;
$$;

comment on function http.ready(text[]) is
'The state of what the service depends on: each check is "ok", "warning: …" or "failed: …".

p_migrations: the migrations that the caller was built for. A check fails only if calls would fail: database, migrations. The
checks of jobs, ledger and verify give warnings: see inventory.warnings().';

grant execute on function http.ready(text[]) to inventory_public;
