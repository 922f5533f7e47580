create or replace function maintenance.seal_movements(p_limit integer default 100000)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off -- also while the ledger is small: a plan that is kept must use the index of the feed
as $$
declare
    v_now timestamptz;
    v_end bigint;
    v_last store.seal;
    v_seal store.seal;
    v_stop_key bigint;
    v_stop_id bigint;
begin
    perform inventory.require_limit(p_limit);
    if not pg_try_advisory_xact_lock(hashtextextended('maintenance.run_batches seal_movements', 0)) then
        return 0;
    end if;
    v_now := inventory.clock();
    v_end := inventory.feed_end();
    select * into v_last from store.seal as s order by s.number desc limit 1;
    v_last.last_key := coalesce(v_last.last_key, 0);
    v_last.last_id := coalesce(v_last.last_id, 0);

    select date_trunc('hour', m.created_at, 'UTC'), m.feed_key, m.id
    into v_seal.hour, v_seal.first_key, v_seal.first_id
    from store.movement as m
    where m.feed_key > 0 and (m.feed_key, m.id) > (v_last.last_key, v_last.last_id) and m.feed_key < v_end
    order by m.feed_key, m.id
    limit 1;
    if not found or p_limit = 0 or v_seal.hour + interval '1 hour' > v_now then
        return 0;
    end if;

    -- A seal ends before a movement of a later hour, or of another month: months are detached as a whole.
    select m.feed_key, m.id into v_stop_key, v_stop_id
    from (
        select m.feed_key, m.id, m.created_at
        from store.movement as m
        where m.feed_key > 0 and (m.feed_key, m.id) > (v_last.last_key, v_last.last_id) and m.feed_key < v_end
        order by m.feed_key, m.id
        limit p_limit
    ) as m
    where m.created_at >= v_seal.hour + interval '1 hour' or m.created_at < date_trunc('month', v_seal.hour, 'UTC')
    order by m.feed_key, m.id
    limit 1;

    select
        count(*),
        (max(array[r.feed_key, r.id]))[1],
        (max(array[r.feed_key, r.id]))[2],
        string_agg(r.leaf, '' order by r.feed_key, r.id)
    into v_seal.movements, v_seal.last_key, v_seal.last_id, v_seal.leaves
    from (
        select m.feed_key, m.id, maintenance.movement_leaf(m) as leaf
        from store.movement as m
        where
            m.feed_key > 0
            and (m.feed_key, m.id) > (v_last.last_key, v_last.last_id)
            and (m.feed_key, m.id) < (coalesce(v_stop_key, v_end), coalesce(v_stop_id, 0))
        order by m.feed_key, m.id
        limit p_limit
    ) as r;

    v_seal.number := coalesce(v_last.number, 0) + 1;
    v_seal.part := 1 + coalesce((select max(s.part) from store.seal as s where s.hour = v_seal.hour), 0);
    v_seal.previous_hash := v_last.hash;
    v_seal.sealed_at := v_now;
    v_seal.hash := maintenance.seal_hash(v_seal);
    insert into store.seal
    select v_seal.*;
    return v_seal.movements;
end;
$$;

comment on function maintenance.seal_movements(integer) is
'Seal the next up to p_limit movements of the change feed, if the hour in which they were written has ended. Returns how many; 0
if there is nothing to seal.

A seal continues where the last one ended, and ends before the first movement of a later hour or of another month. So each
movement of the feed is in exactly one seal, a busy hour has several, and an hour without movements has none. A movement whose
transaction was still running at the end of its hour may be in the seal of the next, or in another part of its own. Waits for
nobody, and keeps nobody waiting. Call it again until it returns 0: a job does so every five minutes.';

grant execute on function maintenance.seal_movements(integer) to inventory_maintenance;
