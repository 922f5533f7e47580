create or replace function maintenance.seal_hash(p_seal store.seal)
returns bytea
language plpgsql
immutable
parallel safe
as $$
begin
    return sha256(
        coalesce(p_seal.previous_hash, '')
        || int8send(p_seal.number)
        || int8send(extract(epoch from p_seal.hour)::bigint)
        || int8send(p_seal.part)
        || int8send(p_seal.first_key)
        || int8send(p_seal.first_id)
        || int8send(p_seal.last_key)
        || int8send(p_seal.last_id)
        || int8send(p_seal.movements)
        || int8send((extract(epoch from p_seal.sealed_at) * 1000000)::bigint)
        || p_seal.leaves
    );
end;
$$;

comment on function maintenance.seal_hash(store.seal) is
'The hash of a seal: the SHA-256 of the hash of the seal before it (nothing for the first), its number, the beginning of its hour
in seconds since 1970, part, first_key, first_id, last_key, last_id, movements, sealed_at in microseconds since 1970, and its
leaves.

Each number is 8 bytes, the highest first.';
