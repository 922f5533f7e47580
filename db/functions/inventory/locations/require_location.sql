create or replace function inventory.require_location(p_code inventory.location_code)
returns bigint
language plpgsql
stable
as $$
declare
    v_id bigint;
begin
    select l.id into v_id from store.location as l where l.code = p_code;
    if not found then
        raise exception using
            errcode = 'IV031', -- LOCATION_NOT_FOUND
            message = format('Location %s does not exist', p_code);
    end if;
    return v_id;
end;
$$;

comment on function inventory.require_location(inventory.location_code) is 'The id of the location. Errors: LOCATION_NOT_FOUND.';
