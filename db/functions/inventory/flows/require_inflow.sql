create or replace function inventory.require_inflow(p_inflow_id bigint)
returns store.inflow
language plpgsql
stable
as $$
declare
    v_inflow store.inflow;
begin
    select * into v_inflow from store.inflow as f where f.id = p_inflow_id;
    if not found then
        raise exception using
            errcode = 'IV040', -- INFLOW_NOT_FOUND
            message = format('Inflow %s does not exist.', coalesce(p_inflow_id::text, 'null'));
    end if;
    return v_inflow;
end;
$$;

comment on function inventory.require_inflow(bigint) is 'The inflow with this id. Errors: INFLOW_NOT_FOUND.';
