-- A page of purchases is found by its ids, as one of sales is.

-- squawk-ignore-file require-concurrent-index-creation

set local lock_timeout = '5s';
set local statement_timeout = '10min';

create index purchase_id_idx on store.purchase (id);
