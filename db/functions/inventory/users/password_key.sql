create or replace function inventory.password_key(out id uuid, out key bytea)
returns record
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
begin
    select k.id, k.key into password_key.id, password_key.key
    from store.password_key as k
    where k.made_at between v_now - interval '1 minute' and v_now
    order by k.made_at desc
    limit 1;
    if not found then
        insert into store.password_key as k (id, key, made_at)
        values (inventory.uuid_v7(), extensions.gen_random_bytes(32), v_now)
        returning k.id, k.key into password_key.id, password_key.key;
    end if;
end;
$$;

comment on function inventory.password_key() is
'A key to seal passwords with. PostgreSQL can log the arguments of a call, but never its result.

A caller seals a password as "sealed:" || id || ":" || the hexadecimal digits of 16 random bytes and of the password, as UTF-8,
encrypted by AES-256-CBC with the key, those bytes and the padding of PKCS #7. Each function that takes a password takes it so.
A key is given out for a minute and kept for ten (maintenance.purge_idempotency_keys): after that no log can be read with it.';

grant execute on function inventory.password_key() to inventory_public;
