create or replace function inventory.delete_webhook(p_webhook_id bigint, p_actor text default null)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan -- auto_explain shows the constants of other plans: the secret
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_before store.webhook;
    v_constraint text;
begin
    select * into v_before from store.webhook as w
    where w.id = p_webhook_id and w.deleted_at is null
    for no key update;
    update store.webhook as w
    set enabled = false, deleted_at = v_now, updated_at = v_now
    where w.id = p_webhook_id and w.deleted_at is null;
    if not found then
        perform inventory.refuse_webhook(p_webhook_id);
    end if;
    perform inventory.record_change('webhook', p_webhook_id::text, to_jsonb(v_before), null, p_actor);
exception
    when integrity_constraint_violation then
        -- Raise the same error without its DETAIL, which would show the secret.
        get stacked diagnostics v_constraint = constraint_name;
        raise exception using errcode = sqlstate, message = sqlerrm, constraint = v_constraint;
end;
$$;

comment on function inventory.delete_webhook(bigint, text) is
'Delete a webhook endpoint with its deliveries: pending ones are not sent. Errors: WEBHOOK_NOT_FOUND.

The endpoint is only marked as deleted and no longer shown, so that the call is fast however many deliveries there are.
maintenance.purge_webhook_deliveries() removes the deliveries and then the endpoint.';

grant execute on function inventory.delete_webhook(bigint, text) to inventory_admin;
