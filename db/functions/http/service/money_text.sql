create or replace function http.money_text(p_value numeric)
returns text
language sql
immutable
parallel safe
as $$ select round(p_value, 2)::text $$;

comment on function http.money_text(numeric) is 'An amount of money as API 5 prints it: a string with 2 decimals.';
