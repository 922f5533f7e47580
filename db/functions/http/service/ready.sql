create or replace function http.ready(p_migrations text[])
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_job store.job;
    v_missing text;
begin
    select string_agg(m.name, ', ' order by m.name) into v_missing
    from unnest(p_migrations) as m (name)
    where m.name not in (select y.migration_id from store._yoyo_migration as y);

    select * into v_job from store.job as j where j.name = 'expire_blocks';
    return json_build_object(
        'database', 'ok',
        'migrations', coalesce('failed: not applied: ' || v_missing, 'ok'),
        'expiry_job',
        case
            when v_job.scheduled_at is null
                then 'warning: pg_cron does not run here; blocks still end on time, but none is swept'
            when greatest(v_job.scheduled_at, v_job.last_finished_at) > v_now - interval '5 minutes'
                then 'ok'
            else 'failed: no run since ' || inventory.instant_text(greatest(v_job.scheduled_at, v_job.last_finished_at))
        end
    );
end;
$$;

comment on function http.ready(text[]) is
'The state of what the service stands on: each check is "ok", "warning: …" or "failed: …".

p_migrations: the migrations that the caller was built for.';

grant execute on function http.ready(text[]) to inventory_public;
