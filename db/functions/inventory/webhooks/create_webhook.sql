create or replace function inventory.create_webhook(
    p_url inventory.webhook_url,
    p_events inventory.webhook_events,
    p_enabled boolean default true,
    p_actor text default null,
    p_stock_changes inventory.stock_changes default 'each'
)
returns inventory.webhook_info
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan -- auto_explain shows the constants of other plans: the secret
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_webhook store.webhook;
    v_constraint text;
begin
    perform inventory.require_argument('url', p_url is null);
    perform inventory.require_argument('events', p_events is null);

    insert into store.webhook (url, events, enabled, secret, created_at, updated_at, stock_changes)
    values (
        p_url, inventory.distinct_events(p_events), coalesce(p_enabled, true), inventory.new_webhook_secret(), v_now, v_now,
        coalesce(p_stock_changes, 'each')
    )
    returning * into v_webhook;
    perform inventory.start_stock_events(null, v_webhook);
    perform inventory.record_change('webhook', v_webhook.id::text, null, to_jsonb(v_webhook), p_actor);
    return inventory.webhook_info(v_webhook, v_webhook.secret);
exception
    when integrity_constraint_violation then
        -- Raise the same error without its DETAIL, which would show the secret.
        get stacked diagnostics v_constraint = constraint_name;
        raise exception using errcode = sqlstate, message = sqlerrm, constraint = v_constraint;
end;
$$;

comment on function inventory.create_webhook(
    inventory.webhook_url, inventory.webhook_events, boolean, text, inventory.stock_changes
) is
'Register a webhook endpoint: events from now on are sent to p_url, signed with the secret that is returned.

Only this function and inventory.rotate_webhook_secret show the secret.';

grant execute on function inventory.create_webhook(
    inventory.webhook_url, inventory.webhook_events, boolean, text, inventory.stock_changes
) to inventory_admin;
