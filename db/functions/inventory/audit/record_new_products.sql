create or replace function inventory.record_new_products(p_product_ids bigint[], p_actor text default null)
returns void
language plpgsql
volatile
as $$
declare
    v_feed_key constant bigint := inventory.feed_key();
begin
    insert into store.audit (
        product_id, subject, subject_id, action, after, actor, created_at, feed_key, feed_id
    )
    select
        p.id, c.subject, c.subject_id, 'create', c.fields, coalesce(p_actor, session_user), p.created_at, v_feed_key,
        nextval('store.movement_id_seq')
    from store.product as p
    cross join lateral (
        values
            ('product', p.id::text, inventory.recorded_fields(to_jsonb(p))),
            ('price', 'retail', jsonb_build_object('amount', trim_scale(p.retail_price)))
    ) as c (subject, subject_id, fields)
    where p.id = any(p_product_ids) and (c.subject = 'product' or p.retail_price is not null)
    order by p.id, c.subject desc;
end;
$$;

comment on function inventory.record_new_products(bigint[], text) is
'Record in store.audit that the caller''s transaction made these products, and their retail prices where it wrote them itself.

Does for many rows what inventory.record_change does for one. p_actor null: the login.';
