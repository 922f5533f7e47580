create or replace function inventory.require_webhook(p_webhook_id bigint)
returns store.webhook
language plpgsql
stable
as $$
declare
    v_webhook store.webhook;
begin
    select * into v_webhook from store.webhook as w where w.id = p_webhook_id and w.deleted_at is null;
    if not found then
        perform inventory.refuse_webhook(p_webhook_id);
    end if;
    return v_webhook;
end;
$$;

comment on function inventory.require_webhook(bigint) is 'The webhook endpoint with this id. Errors: WEBHOOK_NOT_FOUND.';
