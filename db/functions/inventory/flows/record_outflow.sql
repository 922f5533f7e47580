create or replace function inventory.record_outflow(
    p_product_id bigint,
    p_quantity inventory.positive_whole_quantity,
    p_description inventory.description default null,
    p_actor text default null,
    p_expected text default null
)
returns store.outflow
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_posted inventory.posted;
begin
    if p_expected is not null then
        perform inventory.require_expected(p_product_id, p_expected);
    end if;
    v_posted := inventory.post_line(
        inventory.line('outflow', p_product_id, p_quantity, p_reason => p_description, p_actor => p_actor)
    );
    return inventory.require_outflow((v_posted.movement).reference::bigint);
end;
$$;

comment on function inventory.record_outflow(
    bigint, inventory.positive_whole_quantity, inventory.description, text, text
) is
'Record an outflow of available units: a departure at its cost, first in first out.

Queues the event outflow.created in the same transaction. Locks the product''s stock row. Errors: INSUFFICIENT_STOCK,
INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND.';

grant execute on function inventory.record_outflow(
    bigint, inventory.positive_whole_quantity, inventory.description, text, text
) to inventory_admin;
