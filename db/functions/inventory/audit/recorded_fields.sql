create or replace function inventory.recorded_fields(p_row jsonb)
returns jsonb
language sql
immutable
parallel safe
as $$
select
    p_row - array[
        'id', 'created_at', 'updated_at', 'deleted_at', 'previous_secret', 'previous_secret_until', 'is_low', 'retail_price',
        'feed_key', 'feed_base', 'version'
    ]
$$;

comment on function inventory.recorded_fields(jsonb) is
'The columns of a row that store.audit records: not those that are derived from others or are times.';
