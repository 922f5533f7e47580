-- Reads from the present backwards: what the layers hold now, and what was taken from them since p_at. The state of a month ago
-- therefore needs only a month of the ledger.
create or replace function inventory.cost_layers_at(p_at timestamptz, p_product_id bigint default null)
returns table (
    product_id bigint,
    layer_id bigint,
    received_at timestamptz,
    quantity numeric,
    remaining numeric,
    unit_cost numeric,
    remaining_value numeric
)
language plpgsql
stable
set plan_cache_mode = force_custom_plan
as $$
begin
    perform inventory.require_kept('at', p_at);
    if p_product_id is not null then
        return query select * from inventory.cost_layers_of(p_product_id, p_at);
        return;
    end if;

    return query
    with since as (
        select u.product_id, u.layer_id, sum(u.quantity) as quantity, sum(u.cost) as cost
        from store.movement as m
        inner join store.cost_layer_use as u on m.product_id = u.product_id and m.id = u.movement_id
        where m.created_at > p_at and m.on_hand_after <> m.on_hand_before
        group by u.product_id, u.layer_id
    ),

    layer as (
        select l.*, 0::numeric as quantity_since, 0::numeric as cost_since
        from store.cost_layer as l
        where
            l.is_open
            and not exists (select from since as s where s.product_id = l.product_id and s.layer_id = l.id)
        union all
        select l.*, s.quantity, s.cost
        from since as s
        inner join store.cost_layer as l on s.product_id = l.product_id and s.layer_id = l.id
    )

    select
        l.product_id, l.id, l.received_at, l.quantity, l.remaining + l.quantity_since, l.unit_cost,
        l.remaining_value + l.cost_since
    from layer as l
    where l.received_at <= p_at and l.remaining + l.quantity_since > 0
    order by l.product_id, l.number;
end;
$$;

comment on function inventory.cost_layers_at(timestamptz, bigint) is
'The cost layers that were open at p_at, oldest first, with their units and value at that time; null: the value is not known.

p_product_id null: of all products. Errors: 22023 if p_at is before the beginning of the ledger.';
