create or replace function http.decimal_text(p_value numeric)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return round(p_value, 3)::text;
end;
$$;

comment on function http.decimal_text(numeric) is 'A quantity or an amount as API 3 prints it: a string with 3 decimals.';
