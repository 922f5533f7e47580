create or replace function http.get_webhook(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.require_webhook(p_id)).id;
begin
    return (select w.item from http.webhook_json as w where w.id = v_id and not w.has_secret);
end;
$$;

comment on function http.get_webhook(bigint) is
'Show a webhook endpoint.

enabled is false too where the receiver answered 410.

Returns "webhook_json"
Errors: WEBHOOK_NOT_FOUND.';

grant execute on function http.get_webhook(bigint) to inventory_admin;
