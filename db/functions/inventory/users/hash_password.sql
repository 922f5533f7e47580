create or replace function inventory.hash_password(p_password inventory.password, p_salt text)
returns text
language plpgsql
stable
as $$
begin
    -- bcrypt reads no more than 72 bytes; the digest gives it 64 that depend on all of the password.
    return extensions.crypt(encode(sha384(convert_to(p_password, 'UTF8')), 'base64'), p_salt);
end;
$$;

comment on function inventory.hash_password(inventory.password, text) is
'bcrypt of a password of any length. p_salt: a new one from extensions.gen_salt(''bf'', cost), or the hash to compare with.';
