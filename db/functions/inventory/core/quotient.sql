create or replace function inventory.quotient(p_total numeric, p_by numeric)
returns numeric
language plpgsql
immutable
parallel safe
as $$
begin
    -- 24 decimals under the division, so that the quotient is rounded once.
    return round(round(p_total, 24) / nullif(p_by, 0), 3);
end;
$$;

comment on function inventory.quotient(numeric, numeric) is
'p_total / p_by, rounded half up to 3 decimals once; null where there is nothing to divide by.';
