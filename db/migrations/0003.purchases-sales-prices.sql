-- API 3: units and suppliers, purchases and sales, prices as rules in time, the moving average beside FIFO, and indexes
-- for lists of millions. It rewrites tables and builds indexes: on a large database, plan for a pause.

-- squawk-ignore-file adding-field-with-default, require-concurrent-index-creation, constraint-missing-not-valid
-- squawk-ignore-file ban-drop-constraint

set local lock_timeout = '5s';
-- The moving average of what has moved so far is worked out once.
set local statement_timeout = '1h';

create domain inventory.iso_time as text
constraint iso_time_form check (
    value
    ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?([Zz]|[+-](0[0-9]|1[0-4]):?[0-5][0-9])?)?$' -- noqa: LT05
)
constraint iso_time_of_the_calendar check (
    value is null
    or make_date(substr(value, 1, 4)::integer, substr(value, 6, 2)::integer, substr(value, 9, 2)::integer) is not null
)
-- What an offset or rounding would move out of the years 0001 to 9999.
constraint iso_time_of_four_digits check (
    value !~ '^9999-12-31.*([.][0-9]{7}|-[0-9]{2}:?[0-9]{2}$)' and value !~ '^0001-01-01.*[+][0-9]{2}:?[0-9]{2}$'
);
comment on domain inventory.iso_time is
'A time or a day in ISO 8601''s form, of the years 0001 to 9999; without an offset it is UTC.';

create domain inventory.per_page as integer
constraint per_page_range check (value between 1 and 100);
comment on domain inventory.per_page is 'How many rows a page of API 3 has: 1 to 100.';

create domain inventory.search_text as text
constraint search_text_length check (length(value) <= 255);
comment on domain inventory.search_text is 'What to look for in names and codes: up to 255 characters, none of them special.';

create domain inventory.stock_status as text
constraint stock_status_known check (value in ('active', 'inactive', 'archived'));
comment on domain inventory.stock_status is 'The status of a product''s inventory: active, inactive or archived.';

create domain inventory.price_type as text
constraint price_type_known check (value in ('retail', 'promo', 'wholesale'));
comment on domain inventory.price_type is 'A type of price: retail, promo or wholesale.';

create domain inventory.unit_symbol as text
constraint unit_symbol_length check (length(value) between 1 and 16)
constraint unit_symbol_not_blank check (value ~ '[^\s]');
comment on domain inventory.unit_symbol is 'The sign of a unit of measure: 1 to 16 characters, not blank.';

create domain inventory.email as text
constraint email_length check (length(value) <= 254)
constraint email_form check (value ~ '^[!-?A-~]{1,64}@[0-9A-Za-z-]+([.][0-9A-Za-z-]+)+$');
comment on domain inventory.email is 'An e-mail address, up to 254 characters.';

create domain inventory.phone_number as text
constraint phone_number_length check (length(value) between 1 and 50)
constraint phone_number_form check (value ~ '^[0-9A-Za-z+() ./,#*:;-]*[0-9][0-9A-Za-z+() ./,#*:;-]*$');
comment on domain inventory.phone_number is 'A telephone number as people write it, 1 to 50 characters.';

create table store.supplier (
    id bigint generated always as identity primary key,
    name text not null,
    business_name text,
    email text,
    phone_number text,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index supplier_email_key on store.supplier (lower(email));
comment on table store.supplier is 'Who sells to us (APIs 3 and 5). An e-mail address is one supplier''s alone, minding no case.';

-- Lists

alter table store.stock
add column is_low boolean not null generated always as (coalesce(on_hand <= reorder_point, false)) stored;
comment on column store.stock.is_low is
'On hand is at or below the reorder point. A column: an index on the comparison would make each change of on hand a cold one.';
create index stock_low_idx on store.stock (product_id) where is_low;
create index stock_status_idx on store.stock (status, product_id);
create index product_search_idx on store.product using gin (
    name extensions.gin_trgm_ops, sku extensions.gin_trgm_ops
);
-- The ledger grows at its end: which of its pages a time lies on costs next to nothing to know.
create index movement_created_idx on store.movement using brin (created_at) with (pages_per_range = 32, autosummarize = on);
create index price_product_idx on store.price (product_id, effective_from desc, id desc);

-- Prices

alter table store.price add constraint price_ends_after_it_begins check (effective_to >= effective_from);
comment on constraint price_ends_after_it_begins on store.price is
'A rule that another one of the same instant replaced holds at no instant.';

-- The ledger and the cost layers

alter table store.movement drop constraint movement_kind_known;
alter table store.movement add constraint movement_kind_known check (
    kind in (
        'initial', 'add', 'reserve', 'release', 'consume', 'block', 'convert', 'cancel', 'expire',
        'purchase', 'sale', 'return', 'adjust'
    )
);

alter table store.cost_layer_use add column returns_movement_id bigint;
alter table store.cost_layer_use drop constraint cost_layer_use_quantity_positive;
alter table store.cost_layer_use add constraint cost_layer_use_sign check (
    quantity <> 0 and (quantity < 0) = (returns_movement_id is not null)
);
create index cost_layer_use_returns_idx on store.cost_layer_use (product_id, returns_movement_id)
where returns_movement_id is not null;
comment on table store.cost_layer_use is
'Which layers paid for which departure, and (quantity and cost below 0) what of it came back into them.';
comment on column store.cost_layer_use.returns_movement_id is 'The departure whose units came back; null for a departure.';

-- The moving average

alter table store.stock
add column average_quantity numeric(12, 3) not null default 0,
add column average_value numeric(32, 3) not null default 0;
alter table store.stock add constraint stock_average_within check (
    average_quantity between 0 and on_hand and average_value >= 0 and (average_quantity > 0 or average_value = 0)
);
comment on column store.stock.average_quantity is
'Units of known cost in the pool of the moving average: a departure takes of them in proportion.';
comment on column store.stock.average_value is
'What those units cost by the moving average: average_value / average_quantity a unit, reported beside FIFO.';

alter table store.movement
add column average_quantity numeric(12, 3) not null default 0,
add column average_value numeric(32, 3) not null default 0;
comment on column store.movement.average_quantity is 'store.stock.average_quantity after it.';
comment on column store.movement.average_value is 'store.stock.average_value after it.';

do $$
declare
    v_movement record;
    v_product_id bigint;
    v_quantity numeric := 0;
    v_value numeric := 0;
    v_known numeric;
begin
    for v_movement in
        select m.product_id, m.id, m.on_hand_before, m.on_hand_after - m.on_hand_before as change, m.cost
        from store.movement as m
        order by m.product_id, m.id
    loop
        if v_product_id is distinct from v_movement.product_id then
            v_product_id := v_movement.product_id;
            v_quantity := 0;
            v_value := 0;
        end if;
        if v_movement.change > 0 and v_movement.cost is not null then
            v_quantity := v_quantity + v_movement.change;
            v_value := v_value + v_movement.cost;
        elsif v_movement.change < 0 and v_quantity > 0 then
            v_known := round(round(v_quantity * -v_movement.change, 24) / v_movement.on_hand_before, 3);
            v_value := v_value - round(round(v_value * v_known, 24) / v_quantity, 3);
            v_quantity := v_quantity - v_known;
        end if;
        update store.movement as m
        set average_quantity = v_quantity, average_value = v_value
        where m.product_id = v_movement.product_id and m.id = v_movement.id;
    end loop;

    update store.stock as s
    set average_quantity = l.average_quantity, average_value = l.average_value
    from (
        select distinct on (m.product_id) m.product_id, m.average_quantity, m.average_value
        from store.movement as m
        order by m.product_id, m.id desc
    ) as l
    where s.product_id = l.product_id;
end;
$$;

-- Purchases and sales

create sequence store.purchase_id_seq;
create table store.purchase (
    product_id bigint not null references store.product (id),
    number bigint not null,
    id bigint not null default nextval('store.purchase_id_seq'),
    supplier_id bigint not null references store.supplier (id),
    movement_id bigint not null,
    quantity numeric(12, 3) not null,
    unit_cost numeric(23, 3) not null,
    cost numeric(32, 3) not null,
    actor text not null,
    created_at timestamptz not null,
    quantity_to_date numeric(32, 3) not null,
    cost_to_date numeric(38, 3) not null,
    primary key (product_id, number),
    constraint purchase_quantity_positive check (quantity > 0),
    constraint purchase_unit_cost_not_negative check (unit_cost >= 0)
);
alter sequence store.purchase_id_seq owned by store.purchase.id;
create index purchase_created_idx on store.purchase (created_at, id);
create index purchase_product_created_idx on store.purchase (product_id, created_at, id);
create index purchase_supplier_created_idx on store.purchase (supplier_id, created_at, id);
comment on table store.purchase is
'Purchases (API 3), never changed. A purchase''s cost layer is the one of its movement.';
comment on column store.purchase.number is 'Counts a product''s purchases from 1, with no gap.';
comment on column store.purchase.cost is 'quantity * unit_cost, rounded half up to 3 decimals: the value of the cost layer.';
comment on column store.purchase.quantity_to_date is 'Units of this and all earlier purchases of the product.';
comment on column store.purchase.cost_to_date is 'Cost of this and all earlier purchases of the product.';

create sequence store.sale_id_seq;
create table store.sale (
    product_id bigint not null references store.product (id),
    number bigint not null,
    id bigint not null default nextval('store.sale_id_seq'),
    movement_id bigint not null,
    quantity numeric(12, 3) not null,
    unit_price numeric(23, 3) not null,
    revenue numeric(32, 3) not null,
    cost numeric(32, 3),
    returned_sale_id bigint,
    actor text not null,
    created_at timestamptz not null,
    quantity_to_date numeric(32, 3) not null,
    revenue_to_date numeric(38, 3) not null,
    cost_to_date numeric(38, 3) not null,
    without_cost_to_date bigint not null,
    primary key (product_id, number),
    constraint sale_sign check (quantity <> 0 and (quantity < 0) = (returned_sale_id is not null)),
    constraint sale_unit_price_not_negative check (unit_price >= 0)
);
alter sequence store.sale_id_seq owned by store.sale.id;
create index sale_id_idx on store.sale (id);
create index sale_created_idx on store.sale (created_at, id);
create index sale_product_created_idx on store.sale (product_id, created_at, id);
create index sale_returned_idx on store.sale (product_id, returned_sale_id) where returned_sale_id is not null;
comment on table store.sale is
'Sales (API 3), never changed: what comes back is a row of its own, with quantity, revenue and cost below 0.';
comment on column store.sale.number is 'Counts a product''s sales and returns from 1, with no gap.';
comment on column store.sale.revenue is 'quantity * unit_price, rounded half up to 3 decimals; of a return, what it takes back.';
comment on column store.sale.cost is 'What it took from the cost layers, first in first out; null: not known.';
comment on column store.sale.returned_sale_id is 'The sale of which this is a return; null for a sale.';
comment on column store.sale.quantity_to_date is 'Units of this and all earlier sales of the product, less returns.';
comment on column store.sale.revenue_to_date is 'Revenue of this and all earlier sales of the product, less returns.';
comment on column store.sale.cost_to_date is 'Known cost of this and all earlier sales of the product, less returns.';
comment on column store.sale.without_cost_to_date is 'How many of these sales and returns have no known cost.';
