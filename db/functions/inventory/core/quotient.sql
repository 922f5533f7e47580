create or replace function inventory.quotient(p_total numeric, p_by numeric)
returns numeric
language plpgsql
immutable
parallel safe
as $$
begin
    -- Divide with 24 decimals, so that only the final result is rounded.
    return round(round(p_total, 24) / nullif(p_by, 0), 3);
end;
$$;

comment on function inventory.quotient(numeric, numeric) is
'p_total / p_by, rounded once, half up, to 3 decimals; null if p_by is 0.';
