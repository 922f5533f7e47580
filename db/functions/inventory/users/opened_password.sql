create or replace function inventory.opened_password(p_password text)
returns text
language plpgsql
stable
as $$
declare
    v_parts constant text [] := regexp_match(
        p_password, '^sealed:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9a-f]{32})((?:[0-9a-f]{32})+)$'
    );
    v_key bytea;
begin
    if v_parts is null then
        return p_password;
    end if;
    select k.key into v_key from store.password_key as k where k.id = v_parts[1]::uuid;
    if not found then
        raise exception using
            errcode = 'object_not_in_prerequisite_state',
            message = 'The key with which the password was sealed is no longer there.',
            hint = 'Seal the password with a new key.';
    end if;
    -- An expression and no query: auto_explain can show the constants of a query.
    return convert_from(
        extensions.decrypt_iv(decode(v_parts[3], 'hex'), v_key, decode(v_parts[2], 'hex'), 'aes'), 'UTF8'
    );
end;
$$;

comment on function inventory.opened_password(text) is
'The password in clear; one that is not sealed (inventory.password_key) is returned as it is.

Errors: 55000 if its key is no longer kept.';
