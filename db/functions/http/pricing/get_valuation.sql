create or replace function http.get_valuation(
    p_product_id bigint,
    p_as_of inventory.iso_time default null
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_at timestamptz := inventory.latest_instant(p_as_of);
    v_balance record;
    v_total record;
begin
    perform inventory.require_inventory(p_product_id);
    if inventory.earliest_instant(p_as_of) > v_now then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'as_of must not be in the future',
            detail = jsonb_build_object('field', 'as_of', 'input', p_as_of);
    end if;

    perform inventory.require_kept('as_of', v_at);
    if coalesce(v_at > v_now, true) then
        -- A valuation of now is as of the last visible change: a change that is not committed yet may be older than now.
        select coalesce(max(m.created_at), v_now) into v_at
        from (
            select a.created_at
            from store.movement as a
            where a.product_id = p_product_id
            order by a.id desc
            limit 1
        ) as m;
        select s.average_quantity, s.average_value into v_balance from store.stock as s where s.product_id = p_product_id;
    else
        select a.average_quantity, a.average_value into v_balance from inventory.stock_at(v_at, p_product_id) as a;
    end if;

    select
        coalesce(sum(l.remaining), 0) as quantity,
        coalesce(sum(l.remaining_value), 0) as value,
        coalesce(sum(l.remaining) filter (where l.remaining_value is null), 0) as quantity_without_cost,
        json_agg(
            json_build_object(
                'id', l.layer_id,
                'received_at', http.instant_without_offset(l.received_at),
                'quantity', http.decimal_text(l.quantity),
                'remaining', http.decimal_text(l.remaining),
                'unit_cost', http.decimal_text(l.unit_cost),
                'remaining_value', http.decimal_text(l.remaining_value)
            )
            order by l.layer_id
        ) as layers
    into v_total
    from inventory.cost_layers_at(v_at, p_product_id) as l;

    return json_build_object(
        'valuation',
        json_build_object(
            'product_id', p_product_id,
            'product', (select p.item from http.product_summary_json as p where p.id = p_product_id),
            'as_of', http.instant_without_offset(v_at),
            'quantity', http.decimal_text(v_total.quantity),
            'total_value', http.decimal_text(v_total.value),
            'average_cost',
            http.decimal_text(inventory.quotient(v_total.value, v_total.quantity - v_total.quantity_without_cost)),
            'quantity_without_cost', http.decimal_text(v_total.quantity_without_cost),
            'moving_average_cost',
            http.decimal_text(inventory.quotient(v_balance.average_value, v_balance.average_quantity)),
            'layers', coalesce(v_total.layers, '[]')
        )
    );
end;
$$;

comment on function http.get_valuation(bigint, inventory.iso_time) is
'Value the stock of a product, first in first out.

layers are the cost layers that are or were open, oldest first, with their units and value. Units of unknown cost are not part of
total_value and average_cost; quantity_without_cost is their number. moving_average_cost is the cost of a unit by the moving
average method, for comparison. as_of: a past time; a date means the end of that day. Without it, the valuation is of now, and
as_of in the answer is the time of the product''s last change.

Returns {"valuation": {"product_id": "integer", "product": "product_summary_json", "as_of": "time", "quantity": "decimal",
"total_value": "decimal", "average_cost": "decimal?", "quantity_without_cost": "decimal", "moving_average_cost": "decimal?",
"layers": [{"id": "integer", "received_at": "time", "quantity": "decimal", "remaining": "decimal", "unit_cost": "decimal?",
"remaining_value": "decimal?"}]}}
Errors: INVENTORY_NOT_FOUND, PRODUCT_NOT_FOUND.';

grant execute on function http.get_valuation(bigint, inventory.iso_time) to inventory_admin;
