create or replace function http.delete_webhook(p_id bigint)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.delete_webhook(p_id);
    return null;
end;
$$;

comment on function http.delete_webhook(bigint) is
'Delete a webhook endpoint, and its deliveries with it.

Errors: WEBHOOK_NOT_FOUND.';

grant execute on function http.delete_webhook(bigint) to inventory_admin;
