create or replace function inventory.record_count_lines(
    p_count_id bigint,
    p_lines inventory.count_lines,
    p_actor text default null
)
returns store.count
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_lines constant inventory.count_found [] := p_lines;
    v_count store.count;
    v_line inventory.count_found;
begin
    perform inventory.require_argument('lines', p_lines is null);
    v_count := inventory.lock_open_count(p_count_id);
    perform from store.stock as s
    where s.product_id in (select p.id from unnest(p_lines) as l inner join store.product as p on l.sku = p.sku)
    order by s.product_id
    for no key update;

    foreach v_line in array v_lines loop
        perform inventory.record_count_line(p_count_id, v_line.sku, v_line.quantity, p_actor);
    end loop;
    return v_count;
end;
$$;

comment on function inventory.record_count_lines(bigint, inventory.count_lines, text) is
'Record how many units of 1 to 1000 products were counted, all or none: see inventory.record_count_line.

Locks the count, then the products in order of id.';

grant execute on function inventory.record_count_lines(bigint, inventory.count_lines, text) to inventory_operator;
