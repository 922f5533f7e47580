create or replace function inventory.require_outflow(p_outflow_id bigint)
returns store.outflow
language plpgsql
stable
as $$
declare
    v_outflow store.outflow;
begin
    select * into v_outflow from store.outflow as f where f.id = p_outflow_id;
    if not found then
        raise exception using
            errcode = 'IV041', -- OUTFLOW_NOT_FOUND
            message = format('Outflow %s does not exist.', coalesce(p_outflow_id::text, 'null'));
    end if;
    return v_outflow;
end;
$$;

comment on function inventory.require_outflow(bigint) is 'The outflow with this id. Errors: OUTFLOW_NOT_FOUND.';
