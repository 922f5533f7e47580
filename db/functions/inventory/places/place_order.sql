create or replace function inventory.place_order(
    p_type inventory.art_type,
    p_sku inventory.art_sku,
    p_quantity inventory.art_quantity,
    p_from_location inventory.location_code default null,
    p_to_location inventory.location_code default null,
    p_reason inventory.art_reason default null,
    p_sufficient_stock boolean default true,
    p_actor text default null
)
returns store.art_operation
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_from constant text := case when p_type in ('Remove', 'Transfer') then p_from_location end;
    v_to constant text := case when p_type <> 'Remove' then p_to_location end;
    v_product store.product;
    v_from_id bigint;
    v_to_id bigint;
    v_operation store.art_operation;
    v_movement store.movement;
begin
    perform inventory.require_argument('type', p_type is null);
    perform inventory.require_argument('sku', p_sku is null);
    perform inventory.require_argument('quantity', p_quantity is null);
    perform inventory.check_order(p_type, p_quantity, p_from_location, p_to_location);

    v_product := inventory.product_by_sku(p_sku);
    if p_sufficient_stock is false then
        perform inventory.refuse_place(v_product, coalesce(p_from_location, p_to_location), '{}');
    end if;
    -- Places before the product's row: see inventory.location_id.
    v_from_id := inventory.location_id(v_from);
    if v_to is not null then
        v_to_id := inventory.location_id(v_to, p_is_made => true);
    end if;
    v_operation.id := nextval('store.art_operation_id_seq');

    case p_type
        when 'Add' then
            v_movement := inventory.change_place(
                v_product, v_to, v_to_id, p_quantity, 'add', v_operation.id::text, p_reason, p_actor, true
            );
        when 'Remove' then
            v_movement := inventory.change_place(
                v_product, v_from, v_from_id, -p_quantity, 'remove', v_operation.id::text, p_reason, p_actor, true
            );
        when 'Transfer' then
            v_movement := inventory.transfer(
                v_product, v_from, v_from_id, v_to_id, p_quantity, v_operation.id::text, p_reason, p_actor
            );
        when 'Count' then
            perform inventory.lock_product(v_product.id);
            v_operation.booked_quantity := inventory.held_at(v_product.id, v_to_id);
            v_movement := inventory.change_place(
                v_product, v_to, v_to_id, p_quantity - v_operation.booked_quantity, 'count', v_operation.id::text, p_reason,
                p_actor, false
            );
        when 'Adjust' then
            v_movement := inventory.change_place(
                v_product, v_to, v_to_id, p_quantity, 'adjust', v_operation.id::text, p_reason, p_actor, false
            );
    end case;

    v_operation.operation_type := p_type;
    v_operation.product_id := v_product.id;
    v_operation.sku := v_product.sku;
    v_operation.quantity := p_quantity;
    v_operation.from_location := v_from;
    v_operation.to_location := v_to;
    v_operation.reason := p_reason;
    v_operation.movement_id := v_movement.id;
    v_operation.actor := coalesce(v_movement.actor, p_actor, session_user);
    v_operation.created_at := coalesce(v_movement.created_at, inventory.clock());
    insert into store.art_operation overriding system value values (v_operation.*);
    return v_operation;
end;
$$;

comment on function inventory.place_order(
    inventory.art_type, inventory.art_sku, inventory.art_quantity, inventory.location_code, inventory.location_code,
    inventory.art_reason, boolean, text
) is
'Carry out an ART order, and write it down in the audit trail, in one.

Add to, Remove from, Transfer between, Count what lies at, Adjust by so many at a place. A place is made where something is put,
counted or adjusted first. Only units that are available leave. p_sufficient_stock false: say that stock is insufficient, and
change nothing. Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE (Add, Remove), INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND,
QUANTITY_OUT_OF_RANGE; 22023 where the fields do not go together.';

grant execute on function inventory.place_order(
    inventory.art_type, inventory.art_sku, inventory.art_quantity, inventory.location_code, inventory.location_code,
    inventory.art_reason, boolean, text
) to inventory_operator;
