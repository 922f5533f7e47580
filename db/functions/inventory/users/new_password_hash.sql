create or replace function inventory.new_password_hash(p_username text, p_password inventory.password)
returns text
language plpgsql
volatile
as $$
declare
    v_password constant inventory.password := inventory.opened_password(p_password);
    v_setting store.setting;
begin
    select * into v_setting from store.setting;
    -- The login of .env.dev: a production server does not start while it works (inventory.has_development_admin).
    if length(v_password) < v_setting.password_length_minimum
        and (lower(p_username collate "C"), v_password) is distinct from ('admin', 'admin') then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('password must have at least %s characters', v_setting.password_length_minimum),
            detail = jsonb_build_object('field', 'password', 'min_length', v_setting.password_length_minimum);
    end if;
    return inventory.hash_password(v_password, extensions.gen_salt('bf', v_setting.password_cost));
end;
$$;

comment on function inventory.new_password_hash(text, inventory.password) is
'The hash of a new password for a user, with the cost from the settings. The password may be sealed (inventory.password_key).
An error never contains it.

Errors: 22023 with DETAIL {"field", "min_length"} if the password is shorter than the settings require, except for the login of
.env.dev; 55000 if the key of a sealed password is no longer kept.';
