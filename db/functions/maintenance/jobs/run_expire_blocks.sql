-- A procedure that commits can neither be SECURITY DEFINER nor set its search_path: it runs as its caller, and qualifies
-- every name.
create or replace procedure maintenance.run_expire_blocks(p_seconds integer default 30)
language plpgsql
as $$
declare
    v_started_at constant timestamptz := pg_catalog.clock_timestamp();
    v_batch integer;
    v_count bigint := 0;
begin
    loop
        -- pg_cron starts a job once for each minute that it missed: one of them is enough.
        exit when not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('maintenance.run_expire_blocks', 0));
        v_batch := maintenance.expire_blocks();
        v_count := v_count OPERATOR(pg_catalog.+) v_batch;
        perform maintenance.record_run('expire_blocks', v_started_at, v_count);
        commit;
        exit when (v_batch OPERATOR(pg_catalog.=) 0)
            or (
                pg_catalog.clock_timestamp()
                OPERATOR(pg_catalog.>) (v_started_at OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => p_seconds))
            );
    end loop;
end;
$$;

comment on procedure maintenance.run_expire_blocks (integer) is
'End every block whose time is over, a batch a transaction, for at most p_seconds.

What pg_cron calls. Records its run for /ready and maintenance.status().';

grant execute on procedure maintenance.run_expire_blocks(integer) to inventory_maintenance;
