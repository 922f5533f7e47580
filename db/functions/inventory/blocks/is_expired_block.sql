create or replace function inventory.is_expired_block(p_block store.block, p_at timestamptz)
returns boolean
language sql
immutable
parallel safe
as $$ select p_block.status = 'active' and p_block.expires_at <= p_at $$;

comment on function inventory.is_expired_block(store.block, timestamptz) is
'Whether a block has expired at p_at and has not been swept: store.stock still counts its units as blocked. The opposite,
among blocks of status active, of inventory.is_active_block.

PostgreSQL inlines it: a condition on a table, for which indexes serve.';
