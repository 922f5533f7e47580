-- A separate function, so that its plan is cached: planning a query over every month costs more than running it.
create or replace function inventory.average_before(
    p_product_id bigint,
    p_number bigint,
    p_at timestamptz,
    out quantity numeric,
    out value numeric
)
returns record
language plpgsql
stable
as $$
begin
    if p_number is null then
        return;
    end if;
    select m.average_quantity, m.average_value into quantity, value
    from store.movement as m
    where m.product_id = p_product_id and m.number < p_number and m.created_at <= p_at
    order by m.number desc
    limit 1;
    if not found then
        select o.average_quantity, o.average_value into quantity, value
        from store.opening_balance as o
        where o.product_id = p_product_id;
    end if;
    quantity := coalesce(quantity, 0);
    value := coalesce(value, 0);
end;
$$;

comment on function inventory.average_before(bigint, bigint, timestamptz) is
'The pool of a product''s moving average before p_number, the number of its first movement after p_at; null if p_number is null.';
