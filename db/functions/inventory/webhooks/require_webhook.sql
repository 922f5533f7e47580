create or replace function inventory.require_webhook(p_webhook_id bigint)
returns store.webhook
language plpgsql
stable
as $$
declare
    v_webhook store.webhook;
begin
    select * into v_webhook from store.webhook as w where w.id = p_webhook_id;
    if not found then
        raise exception using
            errcode = 'IV044', -- WEBHOOK_NOT_FOUND
            message = format('Webhook %s does not exist.', coalesce(p_webhook_id::text, 'null'));
    end if;
    return v_webhook;
end;
$$;

comment on function inventory.require_webhook(bigint) is 'The webhook endpoint with that id. Errors: WEBHOOK_NOT_FOUND.';
