-- New text must be in Unicode's form NFC, so that two texts that look the same are the same. New passwords have a minimum length.

-- squawk-ignore-file constraint-missing-not-valid, adding-required-field, ban-alter-domain-with-add-constraint

set local lock_timeout = '5s';
set local statement_timeout = '10min';

alter table store.setting
add column password_length_minimum integer not null default 8,
add constraint setting_password_length_minimum_range check (password_length_minimum between 1 and 1024);
comment on column store.setting.password_length_minimum is 'How many characters a new password has at least.';

-- Callers' texts come as these domains; no column is of one, so that nothing is locked and nothing is read.
alter domain inventory.art_reason add constraint art_reason_nfc check (value is nfc normalized);
alter domain inventory.description add constraint description_nfc check (value is nfc normalized);
alter domain inventory.name add constraint name_nfc check (value is nfc normalized);
alter domain inventory.reason add constraint reason_nfc check (value is nfc normalized);
alter domain inventory.search_text add constraint search_text_nfc check (value is nfc normalized);
alter domain inventory.serial_number add constraint serial_number_nfc check (value is nfc normalized);
alter domain inventory.sku_code add constraint sku_code_nfc check (value is nfc normalized);
alter domain inventory.unit_symbol add constraint unit_symbol_nfc check (value is nfc normalized);

-- Names and SKU codes that are there become so too. One that would become another's stays: it is still found by its id.
update store.product as p
set sku = c.sku
from (
    select distinct on (normalize(q.sku))
        q.id,
        normalize(q.sku) as sku
    from store.product as q
    where q.sku is not nfc normalized
    order by normalize(q.sku), q.id
) as c
where
    p.id = c.id
    and not exists (select from store.product as o where o.id <> c.id and o.sku = c.sku); -- noqa: RF01
update store.brand as p
set name = c.name
from (
    select distinct on (lower(normalize(q.name)))
        q.id,
        normalize(q.name) as name
    from store.brand as q
    where q.name is not nfc normalized
    order by lower(normalize(q.name)), q.id
) as c
where
    p.id = c.id
    and not exists (select from store.brand as o where o.id <> c.id and lower(o.name) = lower(c.name)); -- noqa: RF01
update store.category as p
set name = c.name
from (
    select distinct on (lower(normalize(q.name)))
        q.id,
        normalize(q.name) as name
    from store.category as q
    where q.name is not nfc normalized
    order by lower(normalize(q.name)), q.id
) as c
where
    p.id = c.id
    and not exists (select from store.category as o where o.id <> c.id and lower(o.name) = lower(c.name)); -- noqa: RF01
update store.unit as p
set name = c.name
from (
    select distinct on (lower(normalize(q.name)))
        q.id,
        normalize(q.name) as name
    from store.unit as q
    where q.name is not nfc normalized
    order by lower(normalize(q.name)), q.id
) as c
where
    p.id = c.id
    and not exists (select from store.unit as o where o.id <> c.id and lower(o.name) = lower(c.name)); -- noqa: RF01
update store.product set name = normalize(name) where name is not nfc normalized;
update store.supplier set name = normalize(name) where name is not nfc normalized;
