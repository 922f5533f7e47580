create or replace function inventory.finish_delivery(
    p_delivery_id bigint,
    p_attempt integer,
    p_status integer,
    p_error text,
    p_retry_after interval
)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_is_gone constant boolean := coalesce(p_status = 410, false);
    v_is_delivered constant boolean := coalesce(p_status between 200 and 299, false);
    v_webhook_id bigint;
    v_now constant timestamptz := inventory.clock();
begin
    update store.webhook_delivery as d
    set
        status = case when v_is_delivered then 'delivered' else 'failed' end,
        next_attempt_at = n.next_attempt_at,
        leased_until = null,
        last_status = p_status,
        last_error = case when not v_is_delivered then left(p_error, 500) end,
        finished_at = case when n.next_attempt_at is null then v_now end
    from (
        select
            case
                when not v_is_delivered and not v_is_gone and r.delay is not null
                    then v_now + greatest(r.delay, least(coalesce(p_retry_after, r.delay), interval '24 hours'))
            end as next_attempt_at
        from store.webhook_delivery as t
        cross join lateral inventory.retry_delay(t.tries) as r (delay)
        where t.id = p_delivery_id
    ) as n
    where d.id = p_delivery_id and d.attempts = p_attempt and d.leased_until is not null
    returning d.webhook_id into v_webhook_id;

    if not found then
        return false;
    end if;
    if v_is_gone then
        update store.webhook as w set enabled = false, updated_at = v_now where w.id = v_webhook_id and w.enabled;
        if found then
            perform inventory.record_change('webhook', v_webhook_id::text, '{"enabled": true}', '{"enabled": false}');
        end if;
    end if;
    return true;
end;
$$;

comment on function inventory.finish_delivery(bigint, integer, integer, text, interval) is
'Report the result of a try: the HTTP status of the receiver, or null and the error if there was no answer.

2xx: the delivery is delivered. 410: it has failed, and the endpoint is disabled. Otherwise the try has failed, and the next one
is due after inventory.retry_delay, but not before p_retry_after (at most 24 hours). Only the last claimed try can be reported,
and only once: any other report changes nothing and returns false. Locks the delivery; for a 410 then the endpoint.';

grant execute on function inventory.finish_delivery(bigint, integer, integer, text, interval) to inventory_worker;
