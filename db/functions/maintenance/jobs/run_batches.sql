-- A procedure that commits can be neither SECURITY DEFINER nor set its search_path. It therefore runs as its caller, and every
-- name and operator is qualified. CASE with an operand is avoided, because it would use an operator of the caller's search_path.
create or replace procedure maintenance.run_batches(p_job text, p_seconds integer default 3600)
language plpgsql
as $$
declare
    v_started_at constant timestamptz := pg_catalog.clock_timestamp();
    v_ends_at constant timestamptz := v_started_at OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => p_seconds);
    v_batch integer;
    v_least integer := 60;
    v_count bigint := 0;
begin
    loop
        -- pg_cron starts a job once for each minute that it missed. Only one of these runs does the work.
        exit when not pg_catalog.pg_try_advisory_xact_lock(
            pg_catalog.hashtextextended(pg_catalog.concat('maintenance.run_batches ', p_job), 0)
        );
        case
            when p_job OPERATOR(pg_catalog.=) 'expire_blocks' then
                v_batch := maintenance.expire_blocks();
            when p_job OPERATOR(pg_catalog.=) 'purge_idempotency_keys' then
                v_batch := maintenance.purge_idempotency_keys();
            when p_job OPERATOR(pg_catalog.=) 'turn_prices' then
                v_batch := maintenance.turn_prices();
            when p_job OPERATOR(pg_catalog.=) 'purge_webhook_deliveries' then
                v_batch := maintenance.purge_webhook_deliveries();
            when p_job OPERATOR(pg_catalog.=) 'make_partitions' then
                v_batch := maintenance.make_partitions();
                v_least := 1;
            when p_job OPERATOR(pg_catalog.=) 'verify' then
                v_batch := maintenance.verify_next();
                v_least := 1;
        end case;
        v_count := v_count OPERATOR(pg_catalog.+) v_batch;
        perform maintenance.record_run(p_job, v_started_at, v_count);
        commit;
        -- Stop after a small batch; otherwise rows that become due one by one would keep the job running.
        exit when (v_batch OPERATOR(pg_catalog.<) v_least) or (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>) v_ends_at);
    end loop;
end;
$$;

comment on procedure maintenance.run_batches (text, integer) is
'Run a job in batches, with one transaction for each batch, until little work is left, but for at most p_seconds (an hour).

p_job: expire_blocks, make_partitions, purge_idempotency_keys, purge_webhook_deliveries, turn_prices or verify. pg_cron calls this
procedure. It does nothing if the same job is already running. It records the run for /ready and maintenance.status(). Errors:
20000 for an unknown job.';

grant execute on procedure maintenance.run_batches(text, integer) to inventory_maintenance;
