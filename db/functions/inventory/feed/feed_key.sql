create or replace function inventory.feed_key()
returns bigint
language plpgsql
volatile
as $$
begin
    return (select s.feed_base from store.setting as s) + pg_current_xact_id()::text::bigint;
end;
$$;

comment on function inventory.feed_key() is
'The position of this transaction in the change feed: the id of the transaction, plus store.setting.feed_base.

A row of the feed has this key, or the key of the row before it of the same product, if that is higher. So the rows of a product
are in their order, and no transaction that still runs writes a key below inventory.feed_end(). The caller holds the lock of the
row that the change is about.';
