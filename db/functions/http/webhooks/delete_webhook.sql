create or replace function http.delete_webhook(p_id bigint, p_actor text default null)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.delete_webhook(p_id, p_actor);
    return null;
end;
$$;

comment on function http.delete_webhook(bigint, text) is
'Delete a webhook endpoint and its deliveries.

Errors: WEBHOOK_NOT_FOUND.';

grant execute on function http.delete_webhook(bigint, text) to inventory_admin;
