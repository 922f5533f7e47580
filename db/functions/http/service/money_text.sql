create or replace function http.money_text(p_value numeric)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return round(p_value, 2)::text;
end;
$$;

comment on function http.money_text(numeric) is 'An amount of money as API 5 prints it: a string with 2 decimals.';
