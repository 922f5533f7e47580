create or replace function inventory.create_unit(p_name inventory.name, p_symbol inventory.unit_symbol)
returns store.unit
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_unit store.unit;
begin
    perform inventory.require_argument('name', p_name is null);
    perform inventory.require_argument('symbol', p_symbol is null);

    insert into store.unit (name, symbol, created_at, updated_at)
    values (p_name, p_symbol, v_now, v_now)
    on conflict (lower(name)) do nothing
    returning * into v_unit;

    if not found then
        raise exception using
            errcode = 'IV026', -- DUPLICATE_UNIT
            message = format('There is a unit %s.', p_name);
    end if;
    return v_unit;
end;
$$;

comment on function inventory.create_unit(inventory.name, inventory.unit_symbol) is
'Create a unit of measure. Names are case-insensitive. Errors: DUPLICATE_UNIT.';

grant execute on function inventory.create_unit(inventory.name, inventory.unit_symbol) to inventory_admin;
