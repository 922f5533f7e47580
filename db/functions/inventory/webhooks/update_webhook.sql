create or replace function inventory.update_webhook(
    p_webhook_id bigint,
    p_url inventory.webhook_url default null,
    p_events inventory.webhook_events default null,
    p_enabled boolean default null,
    p_actor text default null,
    p_stock_changes text default null
)
returns inventory.webhook_info
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan -- auto_explain shows the constants of other plans: the secret
as $$
declare
    v_before store.webhook;
    v_webhook store.webhook;
    v_constraint text;
begin
    perform inventory.require_stock_changes(p_stock_changes);
    select * into v_before from store.webhook as w
    where w.id = p_webhook_id and w.deleted_at is null
    for no key update;
    update store.webhook as w
    set
        url = coalesce(p_url, w.url),
        events = coalesce(inventory.distinct_events(p_events), w.events),
        enabled = coalesce(p_enabled, w.enabled),
        stock_changes = coalesce(p_stock_changes, w.stock_changes),
        updated_at = inventory.clock()
    where w.id = p_webhook_id and w.deleted_at is null
    returning * into v_webhook;

    if not found then
        perform inventory.refuse_webhook(p_webhook_id);
    end if;
    perform inventory.start_stock_events(v_before, v_webhook);
    perform inventory.record_change('webhook', p_webhook_id::text, to_jsonb(v_before), to_jsonb(v_webhook), p_actor);
    return inventory.webhook_info(v_webhook);
exception
    when integrity_constraint_violation then
        -- Raise the same error without its DETAIL, which would show the secret.
        get stacked diagnostics v_constraint = constraint_name;
        raise exception using errcode = sqlstate, message = sqlerrm, constraint = v_constraint;
end;
$$;

comment on function inventory.update_webhook(
    bigint, inventory.webhook_url, inventory.webhook_events, boolean, text, text
) is
'Change a webhook endpoint: its URL, events, way of being told changes of stock, and whether it is enabled; null changes nothing.

Deliveries that are already queued go to the new URL. While an endpoint is disabled, no events are queued for it, and those that
were queued before wait until it is enabled. Changes of stock that were not yet queued (inventory.queue_stock_changes) are not
told.
Errors: WEBHOOK_NOT_FOUND.';

grant execute on function inventory.update_webhook(
    bigint, inventory.webhook_url, inventory.webhook_events, boolean, text, text
) to inventory_admin;
