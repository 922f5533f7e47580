create or replace function inventory.hash_password(p_password inventory.password, p_salt text)
returns text
language plpgsql
stable
as $$
begin
    -- bcrypt reads only the first 72 bytes. The digest has 64 characters that depend on the whole password.
    return extensions.crypt(encode(sha384(convert_to(p_password, 'UTF8')), 'base64'), p_salt);
end;
$$;

comment on function inventory.hash_password(inventory.password, text) is
'The bcrypt hash of a password of any length. p_salt: a new one from extensions.gen_salt(''bf'', cost), or the hash to compare
with.';
