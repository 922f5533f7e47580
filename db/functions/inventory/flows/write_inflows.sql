create or replace function inventory.write_inflows(p_lines inventory.posting[], p_posted inventory.posted[])
returns void
language plpgsql
volatile
as $$
declare
    v_inflows store.inflow [];
begin
    with inflow as (
        insert into store.inflow as f (product_id, id, supplier_id, movement_id, quantity, description, actor, created_at)
        select
            i.product_id, (i.movement).reference::bigint, i.supplier_id, (i.movement).id, i.quantity, i.reason,
            (i.movement).actor, (i.movement).created_at
        from rows from (unnest(p_lines), unnest(p_posted)) as i
        where i.kind = 'inflow' and (i.movement).id is not null
        returning f as it
    )

    select array_agg(f.it) into v_inflows from inflow as f;
    perform inventory.add_row_total('inflow', cardinality(v_inflows));

    if inventory.has_subscriber('inflow.created') then
        perform inventory.queue_events(
            'inflow.created',
            array_agg(
                json_build_object(
                    'id', f.id,
                    'supplier', json_build_object('id', s.id, 'name', s.name),
                    'product', inventory.product_in_event(f.product_id),
                    'quantity', f.quantity::integer,
                    'on_hand', trim_scale((p.movement).on_hand_after),
                    'description', f.description
                )
                order by f.id
            ),
            array_agg(f.created_at order by f.id)
        )
        from unnest(v_inflows) as f
        inner join unnest(p_posted) as p on f.movement_id = (p.movement).id
        inner join store.supplier as s on f.supplier_id = s.id
        having count(*) > 0;
    end if;
end;
$$;

comment on function inventory.write_inflows(inventory.posting[], inventory.posted[]) is
'Write the inflows of posted lines, and queue the event inflow.created for each. The caller holds the locks of the stock rows.';
