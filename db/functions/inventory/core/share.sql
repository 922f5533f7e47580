create or replace function inventory.share(p_whole numeric, p_part numeric, p_of numeric)
returns numeric
language plpgsql
immutable
parallel safe
as $$
begin
    if p_part = p_of then
        return p_whole;
    end if;
    return inventory.quotient(p_whole * p_part, p_of);
end;
$$;

comment on function inventory.share(numeric, numeric, numeric) is
'The share of p_whole that p_part of p_of units have, rounded half up to 3 decimals; all of them have all of it.

So whoever takes the last takes what remains, and nothing is lost or made by rounding. Null where p_whole is.';
