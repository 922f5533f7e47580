create or replace function inventory.feed_cursor(p_feed_key bigint, p_feed_id bigint)
returns text
language sql
immutable
parallel safe
as $$ select p_feed_key::text || '-' || p_feed_id::text $$;

comment on function inventory.feed_cursor(bigint, bigint) is
'A position in the change feed as text ("key-id"): inventory.feed_position reads it. PostgreSQL inlines the function.';
