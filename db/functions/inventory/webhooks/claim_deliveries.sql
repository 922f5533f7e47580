create or replace function inventory.claim_deliveries(
    p_limit integer,
    p_per_webhook integer,
    p_lease interval default interval '60 seconds'
)
returns table (
    delivery_id bigint,
    attempt integer,
    url text,
    secrets text[],
    message_id text,
    payload text
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_webhook_ids bigint [];
begin
    perform inventory.require_limit(p_limit);
    perform inventory.require_limit(p_per_webhook);
    if (p_lease between interval '0' and interval '24 hours') is not true then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'p_lease must be between 0 and 24 hours',
            detail = jsonb_build_object('field', 'lease', 'input', p_lease);
    end if;

    -- Lock the endpoints first and count in a separate statement, so that the count includes what the previous caller claimed.
    select array_agg(k.id) into v_webhook_ids
    from (
        select w.id
        from store.webhook as w
        where
            w.enabled
            and exists (select from store.webhook_delivery as d where d.webhook_id = w.id and d.next_attempt_at <= v_now)
        for no key update skip locked
    ) as k;

    return query
    with endpoint as (
        select
            w as webhook,
            (
                select count(*)
                from store.webhook_delivery as d
                where d.webhook_id = w.id and d.leased_until > v_now
            ) as under_way
        from store.webhook as w
        where w.id = any(v_webhook_ids)
    ),

    due as (
        select
            c.id,
            c.next_attempt_at,
            -- Endpoints with few deliveries under way come first, even if deliveries of other endpoints have been due for longer.
            e.under_way + row_number() over (partition by c.webhook_id order by c.next_attempt_at, c.id) as place
        from endpoint as e
        cross join lateral (
            select d.id, d.webhook_id, d.next_attempt_at
            from store.webhook_delivery as d
            where d.webhook_id = (e.webhook).id and d.next_attempt_at <= v_now
            order by d.next_attempt_at
            limit greatest(p_per_webhook - e.under_way, 0)
            for no key update skip locked
        ) as c
    ),

    chosen as (
        select d.id
        from due as d
        order by d.place, d.next_attempt_at, d.id
        limit p_limit
    ),

    claimed as (
        update store.webhook_delivery as d
        set
            -- Ten tries were made, and the server that made the last one stopped: give up.
            status = case when d.tries < 10 then d.status else 'failed' end,
            attempts = d.attempts + (d.tries < 10)::integer,
            tries = d.tries + (d.tries < 10)::integer,
            next_attempt_at = case when d.tries < 10 then v_now + p_lease end,
            leased_until = case when d.tries < 10 then v_now + p_lease end,
            finished_at = case when d.tries < 10 then null else v_now end
        from chosen as c
        where d.id = c.id
        returning d.id, d.attempts, d.webhook_id, d.event_id, d.leased_until
    )

    select
        c.id,
        c.attempts,
        (e.webhook).url,
        array[(e.webhook).secret]
        || case when (e.webhook).previous_secret_until > v_now then array[(e.webhook).previous_secret] end,
        inventory.message_id(v.id),
        v.payload::text
    from claimed as c
    inner join endpoint as e on c.webhook_id = (e.webhook).id
    inner join store.event as v on c.event_id = v.id
    where c.leased_until is not null;
end;
$$;

comment on function inventory.claim_deliveries(integer, integer, interval) is
'Claim up to p_limit due deliveries of enabled endpoints, and return what is to be sent and signed.

No other caller gets these deliveries until p_lease has passed. The caller sends them and calls inventory.finish_delivery; if it
stops before that, another caller claims them after the lease. Claiming counts as a try. At most p_per_webhook deliveries of an
endpoint are under way at a time, in all servers together. Endpoints with the fewest deliveries under way come first, and for each
endpoint the deliveries that have been due for longest. Locks endpoints with due deliveries, then deliveries, and skips locked
rows, so that it never waits.';

grant execute on function inventory.claim_deliveries(integer, integer, interval) to inventory_worker;
