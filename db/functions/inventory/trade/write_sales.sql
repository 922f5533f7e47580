create or replace function inventory.write_sales(p_lines inventory.posting[], p_posted inventory.posted[])
returns void
language plpgsql
volatile
as $$
begin
    insert into store.sale (
        product_id, number, id, movement_id, quantity, unit_price, revenue, cost, returned_sale_id, actor, created_at,
        quantity_to_date, revenue_to_date, cost_to_date, without_cost_to_date
    )
    select
        n.product_id,
        coalesce(l.number, 0) + row_number() over product,
        (n.movement).reference::bigint,
        (n.movement).id,
        n.quantity,
        n.unit_price,
        n.revenue,
        n.cost,
        n.returned_sale_id,
        (n.movement).actor,
        (n.movement).created_at,
        coalesce(l.quantity_to_date, 0) + sum(n.quantity) over product,
        coalesce(l.revenue_to_date, 0) + sum(n.revenue) over product,
        coalesce(l.cost_to_date, 0) + coalesce(sum(n.cost) over product, 0),
        coalesce(l.without_cost_to_date, 0) + count(*) filter (where n.cost is null) over product
    from (
        select
            i.ordinality as position,
            i.product_id,
            i.movement,
            -- The quantity, revenue and cost of a return are negative.
            case when i.kind in ('return', 'kit_return') then -i.quantity else i.quantity end as quantity,
            i.unit_price,
            case when i.kind in ('return', 'kit_return') then -i.revenue else round(i.quantity * i.unit_price, 3) end as revenue,
            case i.kind
                when 'sale' then (i.movement).cost
                when 'return' then -(i.movement).cost
                else (
                    select
                        case
                            when bool_and((p.movement).cost is not null)
                                then sum((p.movement).cost * sign((p.movement).on_hand_before - (p.movement).on_hand_after))
                        end
                    from rows from (unnest(p_lines), unnest(p_posted)) with ordinality as p
                    where p.kit_line = i.ordinality and p.ordinality <> i.ordinality
                )
            end as cost,
            i.returned_sale_id
        from rows from (unnest(p_lines), unnest(p_posted)) with ordinality as i
        where i.kind in ('sale', 'return', 'kit_sale', 'kit_return') and (i.movement).id is not null
    ) as n
    left join lateral (
        select *
        from store.sale as e
        where e.product_id = n.product_id
        order by e.number desc
        limit 1
    ) as l on true
    window product as (partition by n.product_id order by n.position);

    if cardinality(p_lines) = 1 then
        return;
    end if;
    insert into store.sale_part (sale_id, kit_id, part_id, movement_id, quantity)
    select
        (p.movement).reference::bigint,
        p_lines[p.kit_line].product_id,
        p.product_id,
        (p.movement).id,
        (p.movement).on_hand_before - (p.movement).on_hand_after
    from rows from (unnest(p_lines), unnest(p_posted)) with ordinality as p
    where p.kind in ('part_sale', 'part_return') and (p.movement).id is not null;
end;
$$;

comment on function inventory.write_sales(inventory.posting[], inventory.posted[]) is
'Write the sales and returns of posted lines, each with its cost and the product''s totals to date. The cost of a kit is that
of its parts.

The caller holds the locks of the stock rows.';
