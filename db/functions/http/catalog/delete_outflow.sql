create or replace function http.delete_outflow(p_id bigint, p_actor text default null, p_expected text default null)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.delete_outflow(p_id, p_actor, p_expected);
    return null;
end;
$$;

comment on function http.delete_outflow(bigint, text, text) is
'Delete an outflow: its units come back into the stock.

The ledger keeps both movements.

Errors: OUTFLOW_NOT_FOUND, QUANTITY_OUT_OF_RANGE, KIT_HOLDS_NO_STOCK.';

grant execute on function http.delete_outflow(bigint, text, text) to inventory_admin;
