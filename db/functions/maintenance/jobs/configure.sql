create or replace function maintenance.configure(
    p_block_duration interval default null,
    p_block_duration_maximum interval default null,
    p_idempotency_lifetime interval default null,
    p_password_cost integer default null,
    p_password_length_minimum integer default null,
    out block_duration interval,
    out block_duration_maximum interval,
    out idempotency_lifetime interval,
    out password_cost integer,
    out password_length_minimum integer
)
returns record
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set intervalstyle = postgres
as $$
declare
    v_before store.setting;
    v_message text;
    v_constraint text;
begin
    select * into v_before from store.setting as s for no key update;
    update store.setting as s
    set
        block_duration = coalesce(p_block_duration, s.block_duration),
        block_duration_maximum = coalesce(p_block_duration_maximum, s.block_duration_maximum),
        idempotency_lifetime = coalesce(p_idempotency_lifetime, s.idempotency_lifetime),
        password_cost = coalesce(p_password_cost, s.password_cost),
        password_length_minimum = coalesce(p_password_length_minimum, s.password_length_minimum)
    returning s.block_duration, s.block_duration_maximum, s.idempotency_lifetime, s.password_cost, s.password_length_minimum
    into block_duration, block_duration_maximum, idempotency_lifetime, password_cost, password_length_minimum;
    perform inventory.record_change('setting', '1', to_jsonb(v_before), (select to_jsonb(s) from store.setting as s));
exception
    when check_violation then
        -- Raise the same error without its DETAIL, which would show the row.
        get stacked diagnostics v_message = message_text, v_constraint = constraint_name;
        raise exception using
            errcode = 'check_violation',
            message = v_message,
            constraint = v_constraint;
end;
$$;

comment on function maintenance.configure(interval, interval, interval, integer, integer) is
'Change settings, and return all settings; null leaves a setting unchanged. A change is effective from the next call on.

p_block_duration: the default duration of a block (15 minutes). p_block_duration_maximum: the maximum duration of a block (30
days).
p_idempotency_lifetime: how long an Idempotency-Key is kept (24 hours). p_password_cost: the bcrypt cost of new hashes (10).
p_password_length_minimum: the minimum number of characters of a new password (8). Errors: 23514 if a value is out of its range.';

grant execute on function maintenance.configure(interval, interval, interval, integer, integer) to inventory_maintenance;
