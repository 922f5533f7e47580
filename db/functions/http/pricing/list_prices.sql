create or replace function http.list_prices(
    p_product_id bigint,
    p_include_inactive boolean default false,
    p_price_type inventory.price_type default null,
    p_page inventory.page_number default 1,
    p_per_page inventory.per_page default 20
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    v_page constant bigint := coalesce(p_page, 1);
    v_per_page constant integer := coalesce(p_per_page, 20);
    v_count_limit constant bigint := http.count_limit(v_page, v_per_page);
    v_now constant timestamptz := inventory.clock();
begin
    perform inventory.require_product(p_product_id);

    return (
        with matching as not materialized (
            select p as item, p.effective_from, p.id
            from store.price as p
            where
                p.product_id = p_product_id
                and (p_price_type is null or p.price_type = p_price_type)
                and (
                    p_include_inactive is true
                    or (p.effective_from <= v_now and (p.effective_to is null or p.effective_to > v_now))
                )
        )

        select json_build_object(
            'prices',
            (
                select coalesce(json_agg(http.price_json(r.item) order by r.effective_from desc, r.id desc), '[]')
                from (
                    select *
                    from matching as m
                    order by m.effective_from desc, m.id desc
                    limit v_per_page offset (v_page - 1) * v_per_page
                ) as r
            ),
            'pagination',
            http.pagination(
                v_page, v_per_page, (select count(*) from (select from matching limit v_count_limit) as c), v_count_limit
            )
        )
    );
end;
$$;

comment on function http.list_prices(
    bigint, boolean, inventory.price_type, inventory.page_number, inventory.per_page
) is
'List the prices of a product, the latest beginning first.

Those whose period contains now; include_inactive: true for all, past and scheduled. price_type: only that type.
page: from 1 (default 1); per_page: 1 to 100 (default 20).

Returns {"prices": ["price_json"], "pagination": "pagination"}
Errors: PRODUCT_NOT_FOUND.';

grant execute on function http.list_prices(
    bigint, boolean, inventory.price_type, inventory.page_number, inventory.per_page
) to inventory_public;
