create or replace function inventory.require_stock_changes(p_stock_changes text)
returns void
language plpgsql
immutable
as $$
begin
    if p_stock_changes not in ('each', 'per_second') then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'stock_changes must be each or per_second',
            detail = jsonb_build_object('field', 'stock_changes', 'input', p_stock_changes);
    end if;
end;
$$;

comment on function inventory.require_stock_changes(text) is
'Refuse a way of telling changes of stock that there is not; null passes. Errors: 22023.

It is no domain: a server of the release before starts only where it knows the types of all arguments.';
