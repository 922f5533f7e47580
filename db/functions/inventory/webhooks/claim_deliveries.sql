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

    -- Who counts what is under way must see what the last one claimed: the lock first, then a statement of its own.
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
            -- An endpoint that has much under way comes after those that have little, however old what it waits for.
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
            -- Ten tries, of which the last one's server died: it is over.
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
'Take up to p_limit deliveries that are due, of enabled endpoints, and return what is to be sent and signed.

Nobody else gets them until p_lease is over: who takes them sends them and calls inventory.finish_delivery, or dies, and another
takes over. The try counts from now on. At most p_per_webhook of an endpoint are under way at a time, in all servers together;
those of endpoints with the fewest under way come first, of one endpoint those that are due longest. Locks endpoints with due
deliveries, then deliveries, and skips what is locked: it waits for nobody.';

grant execute on function inventory.claim_deliveries(integer, integer, interval) to inventory_worker;
