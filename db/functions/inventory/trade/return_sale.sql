create or replace function inventory.return_sale(
    p_sale_id bigint,
    p_quantity inventory.positive_quantity default null,
    p_reason inventory.reason default null,
    p_actor text default null,
    p_expected text default null
)
returns store.sale
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_sold store.sale;
    v_outside record;
    v_quantity numeric;
    v_line inventory.posting;
    v_lines inventory.posting [];
    v_part inventory.posting;
    v_posted inventory.posted;
    v_returned store.sale;
begin
    select * into v_sold from store.sale as s where s.id = p_sale_id and s.returned_sale_id is null;
    if not found then
        raise exception using
            errcode = 'IV030', -- SALE_NOT_FOUND
            message = format('Sale %s does not exist.', coalesce(p_sale_id::text, 'null'));
    end if;
    if p_expected is not null then
        perform inventory.require_expected(v_sold.product_id, p_expected);
    end if;
    perform
    from store.stock as s
    where
        s.product_id = v_sold.product_id
        or s.product_id = any(array(select t.part_id from store.sale_part as t where t.sale_id = p_sale_id))
    order by s.product_id
    for no key update;

    -- The units of the sale that have not come back yet.
    select
        v_sold.quantity + coalesce(sum(s.quantity), 0) as quantity,
        v_sold.revenue + coalesce(sum(s.revenue), 0) as revenue
    into v_outside
    from store.sale as s
    where s.product_id = v_sold.product_id and s.returned_sale_id = p_sale_id;

    v_quantity := coalesce(p_quantity, v_outside.quantity);
    if v_quantity > v_outside.quantity or v_outside.quantity = 0 then
        raise exception using
            errcode = 'IV028', -- RETURN_EXCEEDS_DEPARTURE
            message = format('Only %s can still come back.', trim_scale(v_outside.quantity)),
            detail = jsonb_build_object('returnable', v_outside.quantity, 'requested', p_quantity);
    end if;

    v_line := inventory.line(
        'return', v_sold.product_id, v_quantity, p_reason => p_reason, p_actor => p_actor,
        p_returns_movement_id => v_sold.movement_id,
        p_unit_price => v_sold.unit_price,
        p_revenue => inventory.share(v_outside.revenue, v_quantity, v_outside.quantity),
        p_returned_sale_id => p_sale_id
    );
    v_part.actor := p_actor;
    v_part.reason := p_reason;
    for v_part.product_id, v_part.returns_movement_id, v_part.quantity in
        select t.part_id, t.movement_id, round(v_quantity * t.quantity / v_sold.quantity, 3)
        from store.sale_part as t
        where t.sale_id = p_sale_id
    loop
        v_part.kind := 'part_return';
        v_part.kit_line := 1;
        v_lines := v_lines || v_part;
    end loop;
    if v_lines is null then
        v_posted := inventory.post_line(v_line);
        return inventory.sale_of(v_posted.movement);
    elsif v_quantity <> trunc(v_quantity) then
        raise exception using
            errcode = 'IV054', -- KIT_NOT_WHOLE
            message = format('Product %s was a kit: only a whole number of it can come back.', v_sold.product_id),
            detail = jsonb_build_object('requested', v_quantity);
    end if;

    -- A sale of a kit: its parts come back into the layers that they left.
    v_line.kind := 'kit_return';
    v_line.kit_line := 1;
    v_line.reference := inventory.new_reference('return', null);
    v_line.returns_movement_id := null;
    v_lines := v_line || v_lines;
    for i in 2..cardinality(v_lines)
    loop
        v_lines[i].reference := v_line.reference;
    end loop;
    foreach v_posted in array inventory.post(v_lines)
    loop
        if v_posted.sqlstate is not null then
            perform inventory.raise_refusal(v_posted);
        end if;
    end loop;
    select * into v_returned from store.sale as s where s.id = v_line.reference::bigint;
    return v_returned;
end;
$$;

comment on function inventory.return_sale(bigint, inventory.positive_quantity, inventory.reason, text, text) is
'Record a return: units of a sale come back into the cost layers that they left. p_quantity null: all that have not come back yet.

The sale stays as it is. The return is a separate row with a negative quantity, revenue and cost, which counts at the time of the
return.
Locks the product''s stock row; for a kit also those of the parts that left with the sale, which come back into their own layers.
Errors: KIT_HOLDS_NO_STOCK, KIT_NOT_WHOLE, QUANTITY_OUT_OF_RANGE, RETURN_EXCEEDS_DEPARTURE, SALE_NOT_FOUND.';

grant execute on function inventory.return_sale(
    bigint, inventory.positive_quantity, inventory.reason, text, text
) to inventory_admin;
