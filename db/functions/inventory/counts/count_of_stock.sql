create or replace function inventory.count_of_stock(
    p_product_id bigint,
    p_quantity numeric,
    p_counted_at timestamptz,
    p_reason text,
    p_actor text,
    p_now timestamptz
)
returns store.stock_count
language plpgsql
stable
as $$
declare
    v_last store.stock_count;
    v_on_hand numeric;
begin
    perform inventory.require_argument('quantity', p_quantity is null);
    select * into v_last
    from store.stock_count as c
    where c.product_id = p_product_id
    order by c.counted_at desc
    limit 1;
    if v_last.counted_at = p_counted_at and v_last.quantity = p_quantity then
        return v_last;
    elsif exists (select from store.stock as s where s.product_id = p_product_id and s.is_kit) then
        perform inventory.raise_refusal(inventory.kit_refusal(inventory.line('count', p_product_id)));
    elsif p_counted_at > p_now or p_counted_at <= v_last.counted_at then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = case
                when p_counted_at > p_now then 'counted_at must not be in the future'
                else format('the product was counted at %s already', inventory.instant_text(v_last.counted_at))
            end,
            detail = jsonb_build_object('field', 'counted_at', 'input', p_counted_at);
    end if;
    select t.on_hand into v_on_hand from inventory.stock_at(p_counted_at, p_product_id) as t;
    if not found then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'the product had no inventory at that time',
            detail = jsonb_build_object('field', 'counted_at', 'input', p_counted_at);
    end if;
    -- A difference that was booked later, but was there already: the count before was taken earlier.
    if v_last.created_at > p_counted_at then
        v_on_hand := v_on_hand + (
            select sum(c.difference)
            from store.stock_count as c
            where c.product_id = p_product_id and c.created_at > p_counted_at
        );
    end if;
    return row(
        p_product_id, p_counted_at, p_quantity, p_quantity - v_on_hand, null, p_reason, p_actor, p_now
    )::store.stock_count;
end;
$$;

comment on function inventory.count_of_stock(bigint, numeric, timestamptz, text, text, timestamptz) is
'The row of store.stock_count for a count, with its difference to the stock at that instant; the row that is there if it is the
product''s last count. The caller holds the product''s lock. See inventory.set_stocks.';
