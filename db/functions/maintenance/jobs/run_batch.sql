create or replace function maintenance.run_batch(
    p_job text,
    p_is_first boolean default true,
    p_is_cron boolean default false
)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_started_at timestamptz;
    v_finished_at timestamptz;
    v_count integer;
    v_is_unfinished boolean;
begin
    -- pg_cron starts a job once for each minute that it missed, and a server may run the job too. Only one does the work.
    if not pg_try_advisory_xact_lock(hashtextextended(concat('maintenance.run_batches ', p_job), 0)) then
        return null;
    end if;
    v_started_at := inventory.clock();
    -- A small batch is the last one. Otherwise rows that become due one by one would keep the job running.
    case p_job
        when 'expire_blocks' then
            v_count := maintenance.expire_blocks();
            v_is_unfinished := v_count >= 60;
        when 'purge_idempotency_keys' then
            v_count := maintenance.purge_idempotency_keys();
            v_is_unfinished := v_count >= 60;
        when 'turn_prices' then
            v_count := maintenance.turn_prices();
            v_is_unfinished := v_count >= 60;
        when 'purge_webhook_deliveries' then
            v_count := maintenance.purge_webhook_deliveries();
            v_is_unfinished := v_count >= 60;
        when 'make_partitions' then
            v_count := maintenance.make_partitions();
            v_is_unfinished := v_count >= 1;
        when 'seal_movements' then
            v_count := maintenance.seal_movements();
            v_is_unfinished := v_count >= 1;
        when 'verify' then
            v_count := maintenance.verify_next();
            v_is_unfinished := v_count >= 1;
    end case;
    v_finished_at := inventory.clock();
    update store.job as j
    set
        last_started_at = case when p_is_first then v_started_at else j.last_started_at end,
        last_finished_at = v_finished_at,
        last_count = case when p_is_first then 0 else j.last_count end + v_count,
        cron_ran_at = case when p_is_cron then v_finished_at else j.cron_ran_at end,
        is_unfinished = v_is_unfinished,
        failed_at = null,
        last_error = null
    where j.name = p_job;
    return v_is_unfinished;
end;
$$;

comment on function maintenance.run_batch(text, boolean, boolean) is
'Do one batch of a job and record it. Returns whether work is left; null if another session runs the job.

p_is_first: it begins a run, and does not continue the last one. p_is_cron: pg_cron or a DBA calls it, not a server. /ready and
maintenance.status() read what is recorded. Errors: 20000 for an unknown job; those of the job.';

grant execute on function maintenance.run_batch(text, boolean, boolean) to inventory_maintenance;
