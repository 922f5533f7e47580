create or replace function inventory.record_count_line(
    p_count_id bigint,
    p_sku inventory.art_sku,
    p_quantity inventory.count_quantity,
    p_actor text default null
)
returns store.count_line
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    c_limit constant integer := 5000; -- lines of a count: inventory.close_count posts them in less than a second
    v_count store.count;
    v_product store.product;
    v_line store.count_line;
begin
    perform inventory.require_argument('sku', p_sku is null);
    perform inventory.require_argument('quantity', p_quantity is null);
    v_count := inventory.lock_open_count(p_count_id);
    v_product := inventory.product_by_sku(p_sku);
    -- Lock the stock row, so that the booked quantity does not change while it is recorded.
    perform inventory.lock_product(v_product.id);
    if
        not exists (select from store.count_line as l where l.count_id = p_count_id and l.product_id = v_product.id)
        and (select count(*) from (select from store.count_line as l where l.count_id = p_count_id limit c_limit) as l) = c_limit
    then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('Count %s has %s lines already', p_count_id, c_limit),
            detail = jsonb_build_object('field', 'lines'),
            hint = 'Close the count and start another one for the rest of the location.';
    end if;

    insert into store.count_line (count_id, product_id, counted_quantity, booked_quantity, counted_by, counted_at)
    values (
        p_count_id, v_product.id, p_quantity, inventory.held_at(v_product.id, v_count.location_id),
        coalesce(p_actor, session_user), inventory.clock()
    )
    on conflict (count_id, product_id) do update
    set
        counted_quantity = excluded.counted_quantity,
        booked_quantity = excluded.booked_quantity,
        counted_by = excluded.counted_by,
        counted_at = excluded.counted_at
    returning * into v_line;
    return v_line;
end;
$$;

comment on function inventory.record_count_line(
    bigint, inventory.art_sku, inventory.count_quantity, text
) is
'Record how many units of a product were counted, and how many are booked at the location now. Counting it again replaces the
line. A count has at most 5000 lines.

Later movements do not change the difference: inventory.close_count books the counted minus the booked quantity. Locks the
count, then the product''s stock row. Errors: COUNT_CLOSED, COUNT_NOT_FOUND, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND;
22023 for one line more.';

grant execute on function inventory.record_count_line(
    bigint, inventory.art_sku, inventory.count_quantity, text
) to inventory_operator;
