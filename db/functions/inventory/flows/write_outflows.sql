create or replace function inventory.write_outflows(p_lines inventory.posting[], p_posted inventory.posted[])
returns void
language plpgsql
volatile
as $$
declare
    v_outflows store.outflow [];
begin
    with outflow as (
        insert into store.outflow as f (product_id, id, movement_id, quantity, description, actor, created_at)
        select
            i.product_id, (i.movement).reference::bigint, (i.movement).id, i.quantity, i.reason, (i.movement).actor,
            (i.movement).created_at
        from rows from (unnest(p_lines), unnest(p_posted)) as i
        where i.kind = 'outflow' and (i.movement).id is not null
        returning f as it
    )

    select array_agg(f.it) into v_outflows from outflow as f;
    perform inventory.add_row_total('outflow', cardinality(v_outflows));

    if inventory.has_subscriber('outflow.created') then
        perform inventory.queue_events(
            'outflow.created',
            array_agg(
                json_build_object(
                    'id', f.id,
                    'product', inventory.product_in_event(f.product_id),
                    'quantity', f.quantity::integer,
                    'on_hand', trim_scale((p.movement).on_hand_after),
                    'description', f.description
                )
                order by f.id
            ),
            array_agg(f.created_at order by f.id)
        )
        from unnest(v_outflows) as f
        inner join unnest(p_posted) as p on f.movement_id = (p.movement).id
        having count(*) > 0;
    end if;
end;
$$;

comment on function inventory.write_outflows(inventory.posting[], inventory.posted[]) is
'Write the outflows of posted lines, and queue the event outflow.created for each. The caller holds the locks of the stock rows.';
