create or replace function maintenance.verify(p_from bigint default null, p_to bigint default null)
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set work_mem = '64MB'
set jit = off
as $$
declare
    v_from constant bigint := coalesce(p_from, -9223372036854775808);
    v_to constant bigint := coalesce(p_to, 9223372036854775807);
begin
    return query select * from maintenance.verify_ledger(v_from, v_to);
    return query select * from maintenance.verify_rules(v_from, v_to);
    return query select * from maintenance.verify_cost_layers(v_from, v_to);
    return query select * from maintenance.verify_blocks(v_from, v_to);
    return query select * from maintenance.verify_locations(v_from, v_to);
    return query select * from maintenance.verify_trade(v_from, v_to);
    return query select * from maintenance.verify_flows(v_from, v_to);
    return query select * from maintenance.verify_kits(v_from, v_to);
    return query select * from maintenance.verify_prices(v_from, v_to);
    if p_from is null and p_to is null then
        return query select * from maintenance.verify_row_totals();
    end if;
end;
$$;

comment on function maintenance.verify(bigint, bigint) is
'Recalculate every balance, cost and total from the movements, blocks and cost layers, and return a row for each difference.

No row means that everything is correct. p_from, p_to: only products with an id in this range; null: all products. The calculation
starts from the balances that were brought forward when months were detached (inventory.ledger_start). The totals of lists belong
to no product: they are checked only if no range is given. It reads one snapshot and takes no lock, so it may run at any time. It
reads all data of the products; maintenance.verify_next() does so for some thousand products at a time.';

grant execute on function maintenance.verify(bigint, bigint) to inventory_maintenance;
