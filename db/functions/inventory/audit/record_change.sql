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
as $$
declare
    -- Columns that follow from the others, or that say when.
    v_left_out constant text [] := array[
        'id', 'created_at', 'updated_at', 'deleted_at', 'previous_secret', 'previous_secret_until', 'is_low', 'retail_price'
    ];
    -- That these changed is told, but not their values.
    v_hidden constant text [] := array['password_hash', 'secret'];
begin
    insert into store.audit (product_id, subject, subject_id, action, before, after, actor, created_at)
    select
        p_product_id,
        p_subject,
        p_subject_id,
        case when p_before is null then 'create' when p_after is null then 'delete' else 'change' end,
        jsonb_object_agg(f.name, v.shown) filter (where not s.is_after),
        jsonb_object_agg(f.name, v.shown) filter (where s.is_after),
        coalesce(p_actor, session_user),
        inventory.clock()
    from (values (false, p_before), (true, p_after)) as s (is_after, fields)
    cross join lateral jsonb_each(s.fields - v_left_out) as f (name, value)
    cross join lateral (
        select
            case
                when f.name = any(v_hidden) then to_jsonb('hidden'::text)
                -- A webhook's path may hold a token of its receiver's.
                when f.name = 'url' then to_jsonb(substring(f.value #>> '{}' from '^[^/]+//[^/?]+'))
                else f.value
            end
    ) as v (shown)
    where p_before -> f.name is distinct from p_after -> f.name
    having count(*) > 0;
end;
$$;

comment on function inventory.record_change(text, text, jsonb, jsonb, text, bigint) is
'Write down that a caller changed something that is neither a movement nor a price: the one writer of store.audit.

p_before, p_after: the row as to_jsonb gives it, with the same columns; p_before null: it was created, p_after null: it was
deleted. Kept are the columns that differ; where none does, nothing is written. Of passwords and secrets it is kept that they
changed, of a url the host. p_actor null: the login. Takes no lock; the caller holds that of the row.';
