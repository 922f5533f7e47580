create or replace function inventory.start_count(p_location inventory.location_code, p_actor text default null)
returns store.count
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_location_id bigint;
    v_count store.count;
begin
    perform inventory.require_argument('location', p_location is null);
    v_location_id := inventory.location_id(p_location, p_is_made => true);

    insert into store.count (location_id, started_by, started_at)
    values (v_location_id, coalesce(p_actor, session_user), inventory.clock())
    on conflict (location_id) where status = 'open' do nothing
    returning * into v_count;
    if not found then
        raise exception using
            errcode = 'IV033', -- COUNT_OPEN
            message = format('A count of location %s is open', p_location);
    end if;
    return v_count;
end;
$$;

comment on function inventory.start_count(inventory.location_code, text) is
'Begin a count of the stock at a location. A location has at most one open count. Errors: COUNT_OPEN.';

grant execute on function inventory.start_count(inventory.location_code, text) to inventory_operator;
