create or replace function http.list_art_orders(
    p_sku inventory.search_text default null,
    p_location inventory.location_code default null,
    p_type inventory.art_type default null,
    p_date_from inventory.iso_time default null,
    p_date_to inventory.iso_time default null,
    p_limit inventory.page_limit default 100,
    p_after bigint default null
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
    v_limit constant integer := coalesce(p_limit, 100);
    v_from constant timestamptz := inventory.earliest_instant(p_date_from);
    v_to constant timestamptz := inventory.latest_instant(p_date_to);
begin
    return (
        with page as (
            select o.*, row_number() over (order by o.id desc) as position
            from store.art_operation as o
            where
                (p_sku is null or o.sku = p_sku)
                and (p_location is null or o.from_location = p_location or o.to_location = p_location)
                and (p_type is null or o.operation_type = p_type)
                and (p_date_from is null or o.created_at >= v_from)
                and (p_date_to is null or o.created_at <= v_to)
                and (p_after is null or o.id < p_after)
            order by o.id desc
            limit v_limit + 1
        )

        select json_build_object(
            'orders',
            coalesce(
                json_agg(
                    json_build_object(
                        'operation_id', p.id,
                        'operation_type', p.operation_type,
                        'sku', p.sku,
                        'quantity', trim_scale(p.quantity),
                        'from_location', p.from_location,
                        'to_location', p.to_location,
                        'reason', p.reason,
                        'actor', p.actor,
                        'timestamp', http.instant_without_offset(p.created_at)
                    )
                    order by p.id desc
                ) filter (where p.position <= v_limit),
                '[]'
            ),
            'next', case when count(*) > v_limit then min(p.id) filter (where p.position <= v_limit) end
        )
        from page as p
    );
end;
$$;

comment on function http.list_art_orders(
    inventory.search_text, inventory.location_code, inventory.art_type, inventory.iso_time, inventory.iso_time,
    inventory.page_limit, bigint
) is
'List the ART orders that were carried out: the audit trail, newest first.

sku, type; location: from or to it; date_from, date_to: from and up to a time, a day counts whole. limit: 1 to 1000 (default 100).
after: only those before that operation_id; next is the one to go on with, null where there are no more.

Returns {"orders": [{"operation_id": "integer", "operation_type": "Add|Remove|Transfer|Count|Adjust", "sku": "text",
"quantity": "units", "from_location": "text?", "to_location": "text?", "reason": "text?", "actor": "text", "timestamp": "time"}],
"next": "integer?"}';

grant execute on function http.list_art_orders(
    inventory.search_text, inventory.location_code, inventory.art_type, inventory.iso_time, inventory.iso_time,
    inventory.page_limit, bigint
) to inventory_operator;
