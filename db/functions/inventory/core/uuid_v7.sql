create or replace function inventory.uuid_v7(p_at timestamptz default inventory.clock())
returns uuid
language plpgsql
volatile
parallel safe
as $$
declare
    v_microseconds constant bigint := extract(epoch from p_at) * 1000000;
    v_random constant text := replace(gen_random_uuid()::text, '-', '');
begin
    -- 48 bits of milliseconds, the version, 12 bits for the fraction of the millisecond, then 62 random bits.
    return (
        lpad(to_hex(v_microseconds / 1000), 12, '0')
        || '7' || lpad(to_hex((v_microseconds % 1000) * 4096 / 1000), 3, '0')
        || right(v_random, 16)
    )::uuid;
end;
$$;

comment on function inventory.uuid_v7(timestamptz) is
'A version 7 UUID (RFC 9562, 6.2 method 3) for the instant p_at.

UUIDs of different microseconds sort in the order of time, so that an index on them grows at its end.';
