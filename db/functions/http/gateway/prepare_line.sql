create or replace function http.prepare_line(p_function text, p_arguments jsonb)
returns inventory.posting
language plpgsql
volatile
as $$
declare
    a constant jsonb := p_arguments;
    v_now timestamptz;
    v_line inventory.posting;
begin
    v_line.actor := a ->> 'p_actor';
    case
        when p_function in ('reserve_stock', 'release_stock', 'consume_stock', 'add_stock') then
            v_line.kind := split_part(p_function, '_', 1);
            v_line.product_id := inventory.product_id((a ->> 'p_id')::inventory.product_reference);
            v_line.quantity := (a ->> 'p_amount')::inventory.quantity;
        when p_function = 'create_block' then
            v_line.kind := 'block';
            v_line.product_id := inventory.product_id_by_sku_id((a ->> 'p_sku_id')::uuid);
            v_line.quantity := (a ->> 'p_quantity')::inventory.positive_quantity;
            v_line.reason := (a ->> 'p_reason')::inventory.reason;
            v_line.expires_at := http.instant_of(a ->> 'p_expires_at');
            v_line.owner := (a ->> 'p_owner')::inventory.hold_owner;
            v_now := inventory.clock();
            perform inventory.block_expiry(v_line.expires_at, v_now, v_now);
        when p_function in ('convert_block', 'cancel_block') then
            v_line.kind := split_part(p_function, '_', 1);
            v_line.block_id := (a ->> 'p_block_id')::uuid;
            v_line.product_id := inventory.block_product(v_line.block_id);
            v_line.quantity := (a ->> 'p_quantity')::inventory.positive_quantity;
            v_line.reason := (a ->> 'p_reason')::inventory.reason;
        when p_function = 'create_sale' then
            v_line.kind := 'sale';
            v_line.product_id := (a ->> 'p_product_id')::bigint;
            v_line.quantity := (a ->> 'p_quantity')::inventory.positive_quantity;
            v_line.unit_price := (a ->> 'p_unit_price')::inventory.money;
            perform inventory.require_argument('unit_price', v_line.unit_price is null);
        when p_function = 'create_purchase' then
            v_line.kind := 'purchase';
            v_line.product_id := (a ->> 'p_product_id')::bigint;
            v_line.supplier_id := (a ->> 'p_supplier_id')::bigint;
            v_line.quantity := (a ->> 'p_quantity')::inventory.positive_quantity;
            v_line.unit_cost := (a ->> 'p_unit_cost')::inventory.money;
            perform inventory.require_argument('unit_cost', v_line.unit_cost is null);
        when p_function = 'create_inflow' then
            v_line.kind := 'inflow';
            v_line.product_id := (a ->> 'p_product')::inventory.related_id;
            v_line.supplier_id := (a ->> 'p_supplier')::inventory.related_id;
            v_line.quantity := (a ->> 'p_quantity')::inventory.positive_whole_quantity;
            v_line.reason := (a ->> 'p_description')::inventory.description;
        when p_function = 'create_outflow' then
            v_line.kind := 'outflow';
            v_line.product_id := (a ->> 'p_product')::inventory.related_id;
            v_line.quantity := (a ->> 'p_quantity')::inventory.positive_whole_quantity;
            v_line.reason := (a ->> 'p_description')::inventory.description;
    end case;
    if v_line.kind in ('purchase', 'inflow') then
        -- The same order as in the single calls: the product is checked first.
        perform inventory.require_product(v_line.product_id);
        perform inventory.require_supplier(v_line.supplier_id);
    end if;
    return v_line;
end;
$$;

comment on function http.prepare_line(text, jsonb) is
'Translate a call of http.<p_function> with these arguments into a line for inventory.post.

Errors: classes 22 and 23 for arguments that do not have the right type; PRODUCT_NOT_FOUND, SUPPLIER_NOT_FOUND.';
