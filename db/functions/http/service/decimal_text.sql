create or replace function http.decimal_text(p_value numeric)
returns text
language sql
immutable
parallel safe
as $$ select round(p_value, 3)::text $$;

comment on function http.decimal_text(numeric) is 'A quantity or an amount as API 3 prints it: a string with 3 decimals.';
