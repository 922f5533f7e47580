create or replace function http.art_error_code(p_sqlstate text)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return (
        select case e.code when 'PRODUCT_NOT_FOUND' then 'INVALID_SKU' else e.code end
        from inventory.error_codes() as e
        where e.sqlstate = p_sqlstate
    );
end;
$$;

comment on function http.art_error_code(text) is 'The error_code of API 4 for a business error''s SQLSTATE.';
