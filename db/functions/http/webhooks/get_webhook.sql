create or replace function http.get_webhook(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.require_webhook(p_id);
    return (select w.item from http.webhook_json as w where w.id = p_id and not w.has_secret);
end;
$$;

comment on function http.get_webhook(bigint) is
'Show a webhook endpoint.

enabled is also false after the receiver answered 410.

Returns "webhook_json"
Errors: WEBHOOK_NOT_FOUND.';

grant execute on function http.get_webhook(bigint) to inventory_admin;
