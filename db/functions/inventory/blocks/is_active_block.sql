create or replace function inventory.is_active_block(p_block store.block, p_at timestamptz)
returns boolean
language sql
immutable
parallel safe
as $$ select p_block.status = 'active' and p_block.expires_at > p_at $$;

comment on function inventory.is_active_block(store.block, timestamptz) is
'Whether a block holds its units at p_at. A block expires at the instant expires_at, even before a job has ended it.

PostgreSQL inlines the function as a condition on the table, so that indexes can be used.';
