create or replace function inventory.clock()
returns timestamptz
language plpgsql
stable
parallel safe
as $$
begin
    return pg_catalog.clock_timestamp();
end;
$$;

comment on function inventory.clock() is
'The current time.

Every time that decides something comes from this function, and is read after the lock that orders the decision. It is the wall
clock and not the start of the transaction: a caller that waited for a lock must see the time at which it got the lock. The
function is declared stable so that an index can be searched with it, although it may advance within one statement.';

grant execute on function inventory.clock() to inventory_public;
