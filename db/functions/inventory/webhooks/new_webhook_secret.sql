create or replace function inventory.new_webhook_secret()
returns text
language plpgsql
volatile
as $$
begin
    return 'whsec_' || encode(extensions.gen_random_bytes(32), 'base64');
end;
$$;

comment on function inventory.new_webhook_secret() is
'A new secret in the form of Standard Webhooks: whsec_ and 32 random bytes in base64.';
