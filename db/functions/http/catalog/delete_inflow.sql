create or replace function http.delete_inflow(p_id bigint, p_actor text default null, p_expected text default null)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.delete_inflow(p_id, p_actor, p_expected);
    return null;
end;
$$;

comment on function http.delete_inflow(bigint, text, text) is
'Delete an inflow of which no unit has left: its units leave the stock.

The ledger keeps both movements.

Errors: INFLOW_NOT_FOUND, INFLOW_USED, INSUFFICIENT_STOCK.';

grant execute on function http.delete_inflow(bigint, text, text) to inventory_admin;
