create or replace function inventory.set_stock(
    p_product_id bigint,
    p_quantity inventory.quantity,
    p_counted_at timestamptz default null,
    p_reason inventory.reason default null,
    p_actor text default null,
    p_expected text default null
)
returns store.stock_count
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.require_argument('product_id', p_product_id is null);
    if p_expected is not null then
        perform inventory.require_expected(p_product_id, p_expected);
    end if;
    return inventory.set_stocks(
        array[row(p_product_id::text, p_quantity, p_counted_at, p_reason)::inventory.stock_found], p_actor
    );
end;
$$;

comment on function inventory.set_stock(bigint, inventory.quantity, timestamptz, inventory.reason, text, text) is
'Set the stock on hand of a product to what was counted at an instant: see inventory.set_stocks, whose errors it has.';

grant execute on function inventory.set_stock(
    bigint, inventory.quantity, timestamptz, inventory.reason, text, text
) to inventory_operator;
