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
'Raise the error that there is no such webhook endpoint. Errors: WEBHOOK_NOT_FOUND, always.

It does not search for the endpoint again: the caller has not changed it, even if it was created in the meantime.';
