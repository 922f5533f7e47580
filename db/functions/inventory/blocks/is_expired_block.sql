create or replace function inventory.is_expired_block(p_block store.block, p_at timestamptz)
returns boolean
language sql
immutable
parallel safe
as $$ select p_block.status = 'active' and p_block.expires_at <= p_at $$;

comment on function inventory.is_expired_block(store.block, timestamptz) is
'Whether a block has expired by p_at but has not been ended yet, so that store.stock still counts its units as blocked.

For blocks of status active it is the opposite of inventory.is_active_block. PostgreSQL inlines the function as a condition on the
table, so that indexes can be used.';
