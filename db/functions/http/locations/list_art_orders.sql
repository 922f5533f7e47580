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
as $$
declare
    v_limit constant integer := coalesce(p_limit, 100);
    v_rows constant text := concat(
        '(select o.id from store.art_operation as o where %s',
        ' and o.sku = ' || quote_literal(p_sku),
        ' and o.operation_type = ' || quote_literal(p_type),
        ' and o.created_at >= ' || quote_literal(inventory.instant_text(inventory.earliest_instant(p_date_from))),
        ' and o.created_at <= ' || quote_literal(inventory.instant_text(inventory.latest_instant(p_date_to))),
        ' and o.id < ' || p_after,
        ' order by o.id desc limit $1)'
    );
    v_ids bigint [];
begin
    -- The orders of a location are those from it and those to it. Each of the two has its own index in order of id.
    execute format(
        'select array(select m.id from (%s) as m order by m.id desc limit $1)',
        case
            when p_location is null then replace(v_rows, 'where %s', 'where true')
            else
                replace(v_rows, 'where %s', format('where o.from_location = %L', p_location))
                || ' union '
                || replace(v_rows, 'where %s', format('where o.to_location = %L', p_location))
        end
    )
    into v_ids
    using v_limit + 1;

    return json_build_object(
        'orders',
        (
            select coalesce(json_agg(r order by r.operation_id desc), '[]')
            from (
                select
                    o.id as operation_id,
                    o.operation_type,
                    o.sku,
                    trim_scale(o.quantity) as quantity,
                    o.from_location,
                    o.to_location,
                    o.reason,
                    o.actor,
                    http.instant_without_offset(o.created_at) as timestamp
                from store.art_operation as o
                where o.id = any(v_ids[:v_limit])
            ) as r
        ),
        'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
    );
end;
$$;

comment on function http.list_art_orders(
    inventory.search_text, inventory.location_code, inventory.art_type, inventory.iso_time, inventory.iso_time,
    inventory.page_limit, bigint
) is
'List the ART orders that were carried out, newest first: the audit trail.

sku, type: only orders of that SKU, of that type. location: only orders from or to that location. date_from, date_to: the period;
a date means the whole day. limit: 1 to 1000 (default 100). after: only orders with a lower operation_id. next is the value of
after for the next page; null if there are no more orders.

Returns {"orders": [{"operation_id": "integer", "operation_type": "Add|Remove|Transfer|Count|Adjust", "sku": "text",
"quantity": "units", "from_location": "text?", "to_location": "text?", "reason": "text?", "actor": "text", "timestamp": "time"}],
"next": "integer?"}';

grant execute on function http.list_art_orders(
    inventory.search_text, inventory.location_code, inventory.art_type, inventory.iso_time, inventory.iso_time,
    inventory.page_limit, bigint
) to inventory_operator;
