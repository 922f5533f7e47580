create or replace function http.claim_keys(
    p_owners text[],
    p_keys text[],
    p_requests text[],
    out results json[],
    out errors jsonb[],
    out are_replayed boolean[]
)
returns record
language plpgsql
volatile
-- These settings make the plan use the index, even if the table was small when the plan was made: see inventory.post.
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set enable_material = off
set jit = off
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_lifetime constant interval := (select s.idempotency_lifetime from store.setting as s);
    v_names constant text [] := array(
        select u.owner || e'\x1f' || u.key
        from rows from (unnest(p_owners), unnest(p_keys)) with ordinality as u (owner, key, position)
        order by u.position
    );
    v_got boolean [];
    v_key record;
begin
    v_got := array(
        select
            case
                when array_position(v_names, n.name) = n.position
                    then pg_try_advisory_xact_lock(hashtextextended(n.name, 0))
            end
        from unnest(v_names) with ordinality as n (name, position)
        order by n.position
    );
    -- A separate statement, so that it sees what the previous holders of the locks have written.
    for v_key in
        select
            u.position,
            k.request <> all(string_to_array(u.request, e'\x1f')) as is_another,
            k.result,
            k.error,
            -- Not in the join: while the table's statistics are old, the planner would read all keys by their time.
            k.created_at > v_now - v_lifetime as is_kept,
            u.is_got
        from rows from (
            unnest(p_owners), unnest(p_keys), unnest(p_requests), unnest(v_got)
        ) with ordinality as u (owner, key, request, is_got, position)
        left join store.idempotency_key as k
            on u.owner = k.caller and u.key = k.key
        where u.key is not null and (u.is_got is not true or k.key is not null)
    loop
        if v_key.is_got is null then
            -- An earlier call of the same list has taken the key.
            errors[v_key.position] := http.error_json('40001', 'This call has to be made alone.');
        elsif not v_key.is_got then
            errors[v_key.position] := http.error_json(
                'IV013', -- IDEMPOTENCY_KEY_IN_USE
                'The first request with this Idempotency-Key is still running.',
                p_hint => 'Retry in a moment.'
            );
        elsif v_key.is_kept and v_key.is_another then
            errors[v_key.position] := http.error_json(
                'IV012', -- IDEMPOTENCY_KEY_REUSED
                'This Idempotency-Key was used with another request.',
                p_hint => 'Use a new key for a new request.'
            );
        elsif v_key.is_kept then
            are_replayed[v_key.position] := true;
            results[v_key.position] := v_key.result;
            errors[v_key.position] := v_key.error;
        else
            -- It has expired, and its purge has not come yet. The new answer takes its place: http.keep_answers only inserts.
            delete from store.idempotency_key as k
            where k.caller = p_owners[v_key.position] and k.key = p_keys[v_key.position];
        end if;
    end loop;
    if true = any(are_replayed) then
        -- A transaction that only reads waits for no standby. The first one may have lost its session in that wait: its change
        -- is seen, but a failover may undo it. With this lock the replay is written, after it, and waits as it did.
        perform
        from store.idempotency_key as k
        inner join rows from (unnest(p_owners), unnest(p_keys), unnest(are_replayed)) as u (owner, key, is_replayed)
            on u.owner = k.caller and u.key = k.key and u.is_replayed
        for key share of k;
    end if;
end;
$$;

comment on function http.claim_keys(text[], text[], text[]) is
'Lock Idempotency-Keys until the transaction ends, and look up the answers that are stored for them. Waits for no other call.

The same request gets its stored answer again (replayed), once that is on the standbys that a commit waits for. A different
request gets IDEMPOTENCY_KEY_REUSED. A key that another transaction has locked gets IDEMPOTENCY_KEY_IN_USE. The owners come from
http.key_owner. A call whose key is null is skipped.

A request may be described by several texts, separated by U+001F: it is the same request if the stored text is one of them.';
