create or replace function http.batch_call(p_function text, p_arguments jsonb)
returns json
language plpgsql
volatile
as $$
begin
    -- Each call is written out, so that its plan is kept; the most frequent come first.
    case p_function
        when 'reserve_stock' then
            return http.reserve_stock(
                (p_arguments ->> 'p_id')::inventory.product_reference,
                (p_arguments ->> 'p_amount')::inventory.quantity,
                p_arguments ->> 'p_actor'
            );
        when 'create_block' then
            return http.create_block(
                (p_arguments ->> 'p_sku_id')::uuid,
                (p_arguments ->> 'p_quantity')::inventory.positive_quantity,
                (p_arguments ->> 'p_reason')::inventory.reason,
                (p_arguments ->> 'p_expires_at')::timestamptz,
                p_arguments ->> 'p_actor'
            );
        when 'convert_block' then
            return http.convert_block(
                (p_arguments ->> 'p_block_id')::uuid,
                (p_arguments ->> 'p_quantity')::inventory.positive_quantity,
                (p_arguments ->> 'p_reason')::inventory.reason,
                p_arguments ->> 'p_actor'
            );
        when 'create_sale' then
            return http.create_sale(
                (p_arguments ->> 'p_product_id')::bigint,
                (p_arguments ->> 'p_quantity')::inventory.positive_quantity,
                (p_arguments ->> 'p_unit_price')::inventory.money,
                p_arguments ->> 'p_actor'
            );
        when 'place_order' then
            return http.place_order(
                (p_arguments ->> 'p_type')::inventory.art_type,
                (p_arguments ->> 'p_sku')::inventory.art_sku,
                (p_arguments ->> 'p_quantity')::inventory.art_quantity,
                (p_arguments ->> 'p_from_location')::inventory.location_code,
                (p_arguments ->> 'p_to_location')::inventory.location_code,
                (p_arguments ->> 'p_reason')::inventory.art_reason,
                (p_arguments ->> 'p_sufficient_stock')::boolean,
                p_arguments ->> 'p_actor'
            );
        when 'consume_stock' then
            return http.consume_stock(
                (p_arguments ->> 'p_id')::inventory.product_reference,
                (p_arguments ->> 'p_amount')::inventory.quantity,
                p_arguments ->> 'p_actor'
            );
        when 'release_stock' then
            return http.release_stock(
                (p_arguments ->> 'p_id')::inventory.product_reference,
                (p_arguments ->> 'p_amount')::inventory.quantity,
                p_arguments ->> 'p_actor'
            );
        when 'add_stock' then
            return http.add_stock(
                (p_arguments ->> 'p_id')::inventory.product_reference,
                (p_arguments ->> 'p_amount')::inventory.quantity,
                p_arguments ->> 'p_actor'
            );
        when 'cancel_block' then
            return http.cancel_block(
                (p_arguments ->> 'p_block_id')::uuid,
                (p_arguments ->> 'p_reason')::inventory.reason,
                p_arguments ->> 'p_actor'
            );
        when 'extend_block' then
            return http.extend_block(
                (p_arguments ->> 'p_block_id')::uuid,
                (p_arguments ->> 'p_expires_at')::timestamptz
            );
        when 'create_outflow' then
            return http.create_outflow(
                (p_arguments ->> 'p_product')::inventory.related_id,
                (p_arguments ->> 'p_quantity')::inventory.positive_whole_quantity,
                (p_arguments ->> 'p_description')::inventory.description,
                p_arguments ->> 'p_actor'
            );
        when 'create_inflow' then
            return http.create_inflow(
                (p_arguments ->> 'p_supplier')::inventory.related_id,
                (p_arguments ->> 'p_product')::inventory.related_id,
                (p_arguments ->> 'p_quantity')::inventory.positive_whole_quantity,
                (p_arguments ->> 'p_description')::inventory.description,
                p_arguments ->> 'p_actor'
            );
        when 'create_purchase' then
            return http.create_purchase(
                (p_arguments ->> 'p_product_id')::bigint,
                (p_arguments ->> 'p_supplier_id')::bigint,
                (p_arguments ->> 'p_quantity')::inventory.positive_quantity,
                (p_arguments ->> 'p_unit_cost')::inventory.money,
                p_arguments ->> 'p_actor'
            );
        when 'return_sale' then
            return http.return_sale(
                (p_arguments ->> 'p_sale_id')::bigint,
                (p_arguments ->> 'p_quantity')::inventory.positive_quantity,
                (p_arguments ->> 'p_reason')::inventory.reason,
                p_arguments ->> 'p_actor'
            );
        else
            raise exception using
                errcode = 'undefined_function',
                message = format('There is no function http.%I that can be called in a batch.', p_function);
    end case;
end;
$$;

comment on function http.batch_call(text, jsonb) is
'Call one of http.batch_functions() with arguments from an object: what http.statement''s text does, and faster.

The caller has seen to it that whoever is logged in may call the function.';
