create or replace function http.count_json(p_count store.count)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_count.id,
        'location', (select l.code from store.location as l where l.id = p_count.location_id),
        'status', p_count.status,
        'started_by', p_count.started_by,
        'started_at', http.instant_without_offset(p_count.started_at),
        'closed_by', p_count.closed_by,
        'closed_at', http.instant_without_offset(p_count.closed_at),
        'lines',
        (
            select
                coalesce(
                    json_agg(
                        json_build_object(
                            'sku', p.sku,
                            'counted', trim_scale(l.counted_quantity),
                            'booked', trim_scale(l.booked_quantity),
                            'difference', trim_scale(l.counted_quantity - l.booked_quantity),
                            'counted_by', l.counted_by,
                            'counted_at', http.instant_without_offset(l.counted_at),
                            'operation_id', l.operation_id
                        )
                        order by p.sku
                    ),
                    '[]'
                )
            from store.count_line as l
            inner join store.product as p on l.product_id = p.id
            where l.count_id = p_count.id
        )
    );
end;
$$;

comment on function http.count_json(store.count) is
'A count with its lines. booked: what was booked there when it was counted.

Returns {"id": "integer", "location": "text", "status": "open|closed|cancelled", "started_by": "text", "started_at": "time",
"closed_by": "text?", "closed_at": "time?", "lines": [{"sku": "text", "counted": "quantity", "booked": "quantity",
"difference": "units", "counted_by": "text", "counted_at": "time", "operation_id": "integer?"}]}';
