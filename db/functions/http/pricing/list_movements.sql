create or replace function http.list_movements(
    p_product_id bigint,
    p_page inventory.page_number default 1,
    p_per_page inventory.per_page default 20
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page constant bigint := coalesce(p_page, 1);
    v_per_page constant integer := coalesce(p_per_page, 20);
    v_limit constant bigint := http.count_limit(v_page, v_per_page);
    v_count bigint;
    v_numbers bigint [];
begin
    perform inventory.require_inventory(p_product_id);

    -- http.numbered_page is not used here: with so many partitions, planning its query takes longer than running it.
    select count(*) into v_count
    from (select from store.movement as m where m.product_id = p_product_id limit v_limit) as m;
    v_numbers := array(
        select m.number
        from store.movement as m
        where m.product_id = p_product_id
        order by m.number desc
        limit v_per_page offset least((v_page - 1) * v_per_page, v_limit)
    );
    return json_build_object(
        'movements',
        (
            select coalesce(json_agg(m.item order by m.number desc), '[]')
            from http.movement_json as m
            where m.product_id = p_product_id and m.number between v_numbers[cardinality(v_numbers)] and v_numbers[1]
        ),
        'pagination', http.pagination(v_page, v_per_page, v_count, v_limit)
    );
end;
$$;

comment on function http.list_movements(bigint, inventory.page_number, inventory.per_page) is
'List the movements of a product, newest first.

page: from 1 (default 1). per_page: 1 to 100 (default 20).

Returns {"movements": ["movement_json"], "pagination": "pagination"}
Errors: INVENTORY_NOT_FOUND, PRODUCT_NOT_FOUND.';

grant execute on function http.list_movements(bigint, inventory.page_number, inventory.per_page) to inventory_employee;
