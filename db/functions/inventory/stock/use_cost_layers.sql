create or replace function inventory.use_cost_layers(
    p_product_id bigint,
    p_movement_id bigint,
    p_quantity numeric,
    p_layer_id bigint default null
)
returns numeric
language plpgsql
volatile
as $$
declare
    v_layer store.cost_layer;
    v_left numeric := p_quantity;
    v_taken numeric;
    v_cost numeric;
    v_total numeric := 0;
begin
    for v_layer in
        select *
        from store.cost_layer as l
        where l.product_id = p_product_id and l.is_open and (p_layer_id is null or l.id = p_layer_id)
        order by l.id
    loop
        v_taken := least(v_left, v_layer.remaining);
        v_cost := inventory.share(v_layer.remaining_value, v_taken, v_layer.remaining);

        update store.cost_layer as l
        set
            remaining = l.remaining - v_taken,
            remaining_value = l.remaining_value - v_cost,
            is_open = l.remaining > v_taken
        where l.product_id = p_product_id and l.id = v_layer.id;

        insert into store.cost_layer_use (product_id, movement_id, layer_id, quantity, cost)
        values (p_product_id, p_movement_id, v_layer.id, v_taken, v_cost);

        v_total := v_total + v_cost; -- null once any cost is not known
        v_left := v_left - v_taken;
        exit when v_left = 0;
    end loop;

    if v_left > 0 then
        raise exception using
            errcode = 'data_corrupted',
            message = format('The cost layers of product %s hold %s less than its stock.', p_product_id, v_left),
            hint = format('Run maintenance.verify(%1$s, %1$s).', p_product_id);
    end if;
    return v_total;
end;
$$;

comment on function inventory.use_cost_layers(bigint, bigint, numeric, bigint) is
'Take p_quantity from the product''s open cost layers, first in first out (p_layer_id: from that one alone), and return what
it cost.

A layer gives its share of what it still holds: see inventory.share. Null where the cost of one of them is not known. The
caller holds the product''s stock row.';
