create or replace function inventory.refuse_webhook(p_webhook_id bigint)
returns void
language plpgsql
immutable
as $$
begin
    raise exception using
        errcode = 'IV044', -- WEBHOOK_NOT_FOUND
        message = format('Webhook %s does not exist.', coalesce(p_webhook_id::text, 'null'));
end;
$$;

comment on function inventory.refuse_webhook(bigint) is
'Say that there is no such webhook endpoint, without another look: one that has come meanwhile was not changed either. Errors:
WEBHOOK_NOT_FOUND, always.';
