create or replace function inventory.record_change(
    p_subject text,
    p_subject_id text,
    p_before jsonb,
    p_after jsonb,
    p_actor text default null,
    p_product_id bigint default null
)
returns void
language plpgsql
volatile
set plan_cache_mode = force_generic_plan -- auto_explain shows the constants of other plans: secrets
as $$
declare
    -- Columns of which only the fact of a change is recorded, not the value.
    v_hidden constant text [] := array['password_hash', 'secret'];
begin
    insert into store.audit (
        product_id, subject, subject_id, action, before, after, actor, created_at, feed_key, feed_id
    )
    select
        p_product_id,
        p_subject,
        p_subject_id,
        case when p_before is null then 'create' when p_after is null then 'delete' else 'change' end,
        jsonb_object_agg(f.name, v.shown) filter (where not s.is_after),
        jsonb_object_agg(f.name, v.shown) filter (where s.is_after),
        coalesce(p_actor, session_user),
        inventory.clock(),
        case
            when p_product_id is null or p_subject = 'repair' then 0
            else greatest(
                inventory.feed_key(),
                (select t.feed_key from store.stock as t where t.product_id = p_product_id),
                (select a.feed_key from store.audit as a where a.product_id = p_product_id order by a.id desc limit 1)
            )
        end,
        nextval('store.movement_id_seq')
    from (values (false, p_before), (true, p_after)) as s (is_after, fields)
    cross join lateral jsonb_each(inventory.recorded_fields(s.fields)) as f (name, value)
    cross join lateral (
        select
            case
                when f.name = any(v_hidden) then to_jsonb('hidden'::text)
                -- The path of a webhook's URL may contain a token of the receiver.
                when f.name = 'url' then to_jsonb(substring(f.value #>> '{}' from '^[^/]+//[^/?]+'))
                else f.value
            end
    ) as v (shown)
    where p_before -> f.name is distinct from p_after -> f.name
    having count(*) > 0;
end;
$$;

comment on function inventory.record_change(text, text, jsonb, jsonb, text, bigint) is
'Record in store.audit that a caller changed something other than stock. Changes of a product are also in the change feed.

p_before, p_after: the row as to_jsonb() returns it, both with the same columns. p_before is null if the row was created, p_after
if it was deleted. Only the columns that differ are recorded; if none differs, nothing is written. For passwords and secrets, only
the fact that they changed is recorded; for a URL, only the host. p_actor null: the login. Takes no lock: the caller holds the
lock of the row.';
