create or replace view http.count_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        c.id,
        a.code as location,
        c.status,
        c.started_by,
        http.instant_without_offset(c.started_at) as started_at,
        c.closed_by,
        http.instant_without_offset(c.closed_at) as closed_at,
        (
            select coalesce(json_agg(line order by line.sku), '[]')
            from (
                select
                    p.sku,
                    trim_scale(l.counted_quantity) as counted,
                    trim_scale(l.booked_quantity) as booked,
                    trim_scale(l.counted_quantity - l.booked_quantity) as difference,
                    l.counted_by,
                    http.instant_without_offset(l.counted_at) as counted_at,
                    l.operation_id
                from store.count_line as l
                inner join store.product as p on l.product_id = p.id
                where l.count_id = c.id
            ) as line
        ) as lines
    from store.count as c
    inner join store.location as a on c.location_id = a.id
) as r;

comment on view http.count_json is
'A count with its lines. booked: the quantity that was booked at the location when the line was counted.

Returns {"id": "integer", "location": "text", "status": "open|closed|cancelled", "started_by": "text", "started_at": "time",
"closed_by": "text?", "closed_at": "time?", "lines": [{"sku": "text", "counted": "quantity", "booked": "quantity",
"difference": "units", "counted_by": "text", "counted_at": "time", "operation_id": "integer?"}]}';
