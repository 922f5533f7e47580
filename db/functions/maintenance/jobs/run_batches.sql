-- A procedure that commits can be neither SECURITY DEFINER nor set its search_path. It therefore runs as its caller, and every
-- name and operator is qualified.
create or replace procedure maintenance.run_batches(p_job text, p_seconds integer default 3600)
language plpgsql
as $$
declare
    v_ends_at constant timestamptz := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) pg_catalog.make_interval(
        secs => p_seconds
    );
    v_is_first boolean := true;
    v_is_unfinished boolean;
begin
    loop
        v_is_unfinished := maintenance.run_batch(p_job, v_is_first, true);
        commit;
        exit when v_is_unfinished is not true or (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>) v_ends_at);
        v_is_first := false;
    end loop;
end;
$$;

comment on procedure maintenance.run_batches (text, integer) is
'Run a job in batches, with one transaction for each batch, until little work is left, but for at most p_seconds (an hour).

p_job: expire_blocks, make_partitions, purge_idempotency_keys, purge_webhook_deliveries, seal_movements, turn_prices or
verify. pg_cron calls this procedure. It does nothing if the same job is already running. It records the run for /ready and
maintenance.status(). Errors: 20000 for an unknown job.';

grant execute on procedure maintenance.run_batches(text, integer) to inventory_maintenance;
