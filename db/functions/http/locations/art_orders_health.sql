create or replace function http.art_orders_health()
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return json_build_object(
        'status', 'healthy',
        'message', 'ART Orders API endpoints are available',
        'timestamp', http.instant_without_offset(inventory.clock())
    );
end;
$$;

comment on function http.art_orders_health() is
'Show that the ART Orders API is available.

Returns {"status": "healthy", "message": "text", "timestamp": "time"}';

grant execute on function http.art_orders_health() to inventory_public;
