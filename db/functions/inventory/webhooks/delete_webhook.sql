create or replace function inventory.delete_webhook(p_webhook_id bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from store.webhook as w where w.id = p_webhook_id;
    if not found then
        perform inventory.require_webhook(p_webhook_id); -- says that there is none
    end if;
end;
$$;

comment on function inventory.delete_webhook(bigint) is
'Delete a webhook endpoint with its deliveries: those not made yet never are. Errors: WEBHOOK_NOT_FOUND.';

grant execute on function inventory.delete_webhook(bigint) to inventory_admin;
