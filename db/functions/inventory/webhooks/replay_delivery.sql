create or replace function inventory.replay_delivery(p_webhook_id bigint, p_delivery_id bigint)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.require_webhook(p_webhook_id);

    update store.webhook_delivery as d
    set status = 'pending', tries = 0, next_attempt_at = inventory.clock(), leased_until = null, finished_at = null
    where d.id = p_delivery_id and d.webhook_id = p_webhook_id;

    if not found then
        raise exception using
            errcode = 'IV045', -- DELIVERY_NOT_FOUND
            message = format(
                'Webhook %s has no delivery %s.', p_webhook_id, coalesce(p_delivery_id::text, 'null')
            );
    end if;
    return p_delivery_id;
end;
$$;

comment on function inventory.replay_delivery(bigint, bigint) is
'Deliver an event to an endpoint again, whatever the delivery''s status is. The first try is due now, and the schedule starts
again.

The message and its id are the same. The result of a try that is under way no longer counts. If the endpoint is disabled, the
delivery waits until it is enabled. Errors: WEBHOOK_NOT_FOUND, DELIVERY_NOT_FOUND.';

grant execute on function inventory.replay_delivery(bigint, bigint) to inventory_admin;
