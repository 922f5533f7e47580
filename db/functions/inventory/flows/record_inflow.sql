create or replace function inventory.record_inflow(
    p_product_id bigint,
    p_supplier_id bigint,
    p_quantity inventory.positive_whole_quantity,
    p_description inventory.description default null,
    p_actor text default null,
    p_expected text default null
)
returns store.inflow
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_posted inventory.posted;
begin
    perform inventory.require_argument('quantity', p_quantity is null);
    perform inventory.require_product(p_product_id);
    perform inventory.lock_supplier(p_supplier_id);
    if p_expected is not null then
        perform inventory.require_expected(p_product_id, p_expected);
    end if;
    v_posted := inventory.post_line(
        inventory.line(
            'inflow', p_product_id, p_quantity, p_reason => p_description, p_actor => p_actor, p_supplier_id => p_supplier_id
        )
    );
    return inventory.require_inflow((v_posted.movement).reference::bigint);
end;
$$;

comment on function inventory.record_inflow(
    bigint, bigint, inventory.positive_whole_quantity, inventory.description, text, text
) is
'Record an inflow from a supplier: an arrival that opens a cost layer at the product''s cost price.

Queues the event inflow.created in the same transaction. Locks the product''s stock row. Errors: INVENTORY_NOT_ACTIVE,
INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND, QUANTITY_OUT_OF_RANGE, SUPPLIER_NOT_FOUND.';

grant execute on function inventory.record_inflow(
    bigint, bigint, inventory.positive_whole_quantity, inventory.description, text, text
) to inventory_admin;
