-- Types of the reads of stock and of sales by day, and an index: a SKU code is found by how it begins, ignoring case.

-- squawk-ignore-file require-concurrent-index-creation

set local lock_timeout = '5s';
set local statement_timeout = '10min';

create domain inventory.stock_state as text
constraint stock_state_known check (value in ('low', 'sold_out'));
comment on domain inventory.stock_state is
'low: at or below the reorder point. sold_out: the inventory is active and nothing is available.';

create domain inventory.block_order as text
constraint block_order_known check (value in ('created_at', 'expires_at'));
comment on domain inventory.block_order is 'What blocks are listed by: created_at or expires_at.';

create domain inventory.day_count as integer
constraint day_count_range check (value between 1 and 366);
comment on domain inventory.day_count is 'A number of days: 1 to 366.';

-- Not abbreviations (PST) nor rules (EST+5), which PostgreSQL takes for time zones, too.
create domain inventory.time_zone as text
constraint time_zone_form check (value ~ '^(UTC|Etc/GMT[+-][0-9]{1,2}|[A-Za-z_]{1,32}(/[A-Za-z_]+(-[A-Za-z_]+)*){1,2})$')
constraint time_zone_length check (length(value) <= 64);
comment on domain inventory.time_zone is 'The IANA name of a time zone, such as Europe/Berlin, or UTC.';

create index product_sku_folded_idx on store.product (
    (translate(lower(sku collate "und-x-icu"), e'\u03c2\u0131\u0307', e'\u03c3i') collate "C") -- noqa: RF05
);
