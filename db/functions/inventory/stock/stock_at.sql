create or replace function inventory.stock_at(p_at timestamptz, p_product_id bigint default null)
returns table (
    product_id bigint,
    on_hand numeric,
    reserved numeric,
    blocked numeric,
    available numeric,
    average_quantity numeric,
    average_value numeric
)
language plpgsql
stable
set plan_cache_mode = force_custom_plan
as $$
declare
    v_last store.movement;
    v_opening store.opening_balance;
    v_expired numeric := 0;
begin
    perform inventory.require_kept('at', p_at);
    if p_product_id is not null then
        v_last := inventory.movement_at(p_product_id, p_at);
        if v_last.id is null then
            select * into v_opening from store.opening_balance as o where o.product_id = p_product_id;
            v_last.id := v_opening.movement_id;
            v_last.number := v_opening.number;
            v_last.on_hand_after := v_opening.on_hand;
            v_last.reserved_after := v_opening.reserved;
            v_last.blocked_after := v_opening.blocked;
            v_last.average_quantity := v_opening.average_quantity;
            v_last.average_value := v_opening.average_value;
        end if;
        if v_last.blocked_after > 0 then
            v_expired := inventory.expired_unswept(p_product_id, v_last.number, p_at);
        end if;
        return query
        select
            p_product_id,
            coalesce(greatest(v_last.on_hand_after, v_last.reserved_after + v_last.blocked_after - v_expired), 0),
            coalesce(v_last.reserved_after, 0),
            coalesce(v_last.blocked_after, 0) - v_expired,
            coalesce(greatest(v_last.on_hand_after - v_last.reserved_after - v_last.blocked_after + v_expired, 0), 0),
            coalesce(v_last.average_quantity, 0),
            coalesce(v_last.average_value, 0)
        where
            exists (select from store.stock as s where s.product_id = p_product_id and s.created_at <= p_at)
            or exists (
                select from store.deleted_product as d
                where d.id = p_product_id and d.stocked_at <= p_at and d.deleted_at > p_at
            );
        return;
    end if;

    return query
    with since as (
        select
            m.product_id,
            min(m.number) as first_number,
            -- The units of blocks that had expired at p_at and were ended later.
            sum(m.blocked_before - m.blocked_after) filter (where m.kind = 'expire' and m.occurred_at <= p_at) as ended_later
        from store.movement as m
        where m.created_at > p_at
        group by m.product_id
    ),

    unswept as (
        select b.product_id, sum(b.quantity) as quantity
        from store.block as b
        where inventory.is_expired_block(b, p_at)
        group by b.product_id
    ),

    balance as (
        select
            s.product_id,
            coalesce(m.on_hand_before, s.on_hand) as on_hand,
            coalesce(m.reserved_before, s.reserved) as reserved,
            coalesce(m.blocked_before, s.blocked) - coalesce(n.ended_later, 0) - coalesce(l.quantity, 0) as blocked,
            coalesce(o.quantity, m.average_quantity, s.average_quantity) as average_quantity,
            coalesce(o.value, m.average_value, s.average_value) as average_value
        from (
            select
                t.product_id, t.on_hand, t.reserved, t.blocked, t.average_quantity, t.average_value, t.created_at
            from store.stock as t
            union all
            -- Products that were deleted after p_at: their last movement left no stock.
            select
                d.id, 0, 0, 0, 0, 0, d.stocked_at
            from store.deleted_product as d
            where d.deleted_at > p_at
        ) as s
        left join since as n on s.product_id = n.product_id
        left join unswept as l on s.product_id = l.product_id
        left join store.movement as m on n.product_id = m.product_id and n.first_number = m.number and m.created_at > p_at
        -- A movement that does not change on hand does not change the average.
        cross join lateral inventory.average_before(
            m.product_id, case when m.on_hand_after <> m.on_hand_before then m.number end, p_at
        ) as o
        where s.created_at <= p_at
    )

    select
        b.product_id, greatest(b.on_hand, b.reserved + b.blocked), b.reserved, b.blocked,
        greatest(b.on_hand - b.reserved - b.blocked, 0), b.average_quantity, b.average_value
    from balance as b
    order by b.product_id;
end;
$$;

comment on function inventory.stock_at(timestamptz, bigint) is
'The balances at p_at of every product that had an inventory then, and the pool of its moving average.

Blocks that had expired at p_at hold nothing, even if they were ended later. The ledger does not say how many more kits the parts
of a kit allowed at an instant: of a kit only the promised ones are on hand, and none is available. p_product_id null: of all
products; the function reads the ledger from the present backwards to p_at. For one product it searches the last movement before
p_at, and the number of later movements does not matter. Errors: 22023 if p_at is before the beginning of the ledger.';
