create or replace function inventory.rotate_webhook_secret(
    p_webhook_id bigint,
    p_overlap_seconds inventory.overlap_seconds default 0,
    p_actor text default null
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
    v_before store.webhook;
    v_webhook store.webhook;
    v_constraint text;
begin
    select * into v_before from store.webhook as w
    where w.id = p_webhook_id and w.deleted_at is null
    for no key update;
    update store.webhook as w
    set
        secret = inventory.new_webhook_secret(),
        previous_secret = case when p_overlap_seconds > 0 then w.secret end,
        previous_secret_until = case when p_overlap_seconds > 0 then v_now + make_interval(secs => p_overlap_seconds) end,
        updated_at = v_now
    where w.id = p_webhook_id and w.deleted_at is null
    returning * into v_webhook;

    if not found then
        perform inventory.refuse_webhook(p_webhook_id);
    end if;
    perform inventory.record_change('webhook', p_webhook_id::text, to_jsonb(v_before), to_jsonb(v_webhook), p_actor);
    return inventory.webhook_info(v_webhook, v_webhook.secret);
exception
    when integrity_constraint_violation then
        -- Raise the same error without its DETAIL, which would show the secret.
        get stacked diagnostics v_constraint = constraint_name;
        raise exception using errcode = sqlstate, message = sqlerrm, constraint = v_constraint;
end;
$$;

comment on function inventory.rotate_webhook_secret(bigint, inventory.overlap_seconds, text) is
'Give a webhook endpoint a new secret, and return it.

Every try from now on is signed with the new secret, and for p_overlap_seconds also with the previous one, so that a receiver has
time to change. A still older secret is no longer used. Errors: WEBHOOK_NOT_FOUND.';

grant execute on function inventory.rotate_webhook_secret(bigint, inventory.overlap_seconds, text) to inventory_admin;
