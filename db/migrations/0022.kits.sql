-- Kits: products that are made of other products (inventory.set_kit_parts). The new columns have constant defaults, so that no
-- table is rewritten.

-- The check of store.stock stays NOT VALID, because validating it would read the whole table under the lock that adds it. The
-- rows that are there have passed the check that it replaces, and none is a kit yet. maintenance.verify() checks all rows.
-- squawk-ignore-file adding-field-with-default, ban-drop-constraint, ban-drop-function, require-concurrent-index-creation

set local lock_timeout = '5s';
set local statement_timeout = '1min';

create domain inventory.kit_parts as inventory.block_line[]
constraint kit_parts_count check (cardinality(value) <= 50);
comment on domain inventory.kit_parts is
'The parts of a kit, up to 50: so many units of each SKU for one kit. None: an ordinary product.';

create table store.kit_part (
    kit_id bigint not null,
    part_id bigint not null,
    quantity numeric(12, 3) not null,
    constraint kit_part_pkey primary key (kit_id, part_id),
    constraint kit_part_kit_id_fkey foreign key (kit_id) references store.product (id) on delete cascade,
    constraint kit_part_part_id_fkey foreign key (part_id) references store.product (id),
    constraint kit_part_quantity_positive check (quantity > numeric '0'),
    constraint kit_part_other_product check (kit_id <> part_id)
);
comment on table store.kit_part is 'What one unit of a kit is made of. A kit is never a part of another kit.';
create index kit_part_part_id_idx on store.kit_part (part_id);

alter table store.stock
add column is_kit boolean not null default false,
add column kit_reserved numeric(12, 3) not null default 0;
comment on column store.stock.is_kit is
'Whether the product is a kit. A kit has no units of its own: on_hand is 0, and reserved and blocked count the promised kits.';
comment on column store.stock.kit_reserved is 'The part of reserved that belongs to reserved kits.';

create function inventory.stock_is_sound(
    p_on_hand numeric,
    p_reserved numeric,
    p_blocked numeric,
    p_located numeric,
    p_average_quantity numeric,
    p_average_value numeric,
    p_reorder_point numeric,
    p_status text,
    p_is_kit boolean,
    p_kit_reserved numeric
)
returns boolean
language plpgsql
immutable
parallel safe
as $$
declare
    v_broken constant text := case
        when p_on_hand < 0 then 'stock_on_hand_not_negative'
        when p_reserved < 0 then 'stock_reserved_not_negative'
        when p_blocked < 0 then 'stock_blocked_not_negative'
        when p_is_kit and p_on_hand > 0 then 'stock_kit_holds_nothing'
        when not p_is_kit and p_on_hand - p_reserved - p_blocked < 0 then 'stock_available_not_negative'
        when p_kit_reserved < 0 or p_kit_reserved > p_reserved then 'stock_kit_reserved_within'
        when p_located < 0 or p_located > p_on_hand then 'stock_located_within'
        when
            p_average_quantity < 0
            or p_average_quantity > p_on_hand
            or p_average_value < 0
            or (p_average_quantity = 0 and p_average_value <> 0)
            then 'stock_average_within'
        when p_reorder_point < 0 then 'stock_reorder_point_not_negative'
        when p_status not in ('active', 'inactive', 'archived') then 'stock_status_known'
    end;
begin
    if v_broken is not null then
        raise exception using
            errcode = 'check_violation',
            message = format('new row for relation "stock" violates check constraint "%s"', v_broken),
            schema = 'store',
            table = 'stock',
            constraint = v_broken;
    end if;
    return true;
end;
$$;
alter table store.stock
drop constraint stock_sound,
add constraint stock_sound check (
    inventory.stock_is_sound(
        on_hand, reserved, blocked, located, average_quantity, average_value, reorder_point, status, is_kit, kit_reserved
    )
) not valid;
drop function inventory.stock_is_sound(numeric, numeric, numeric, numeric, numeric, numeric, numeric, text);

-- The block of a part belongs to the block of the kit: they begin and end together.
alter table store.block add column kit_block_id uuid;
comment on column store.block.kit_block_id is 'The block of the kit whose part this block holds; null: a block of its own.';
create index block_kit_block_id_idx on store.block (kit_block_id) where kit_block_id is not null;

create table store.sale_part (
    sale_id bigint not null,
    kit_id bigint not null,
    part_id bigint not null,
    movement_id bigint not null,
    quantity numeric(12, 3) not null,
    constraint sale_part_pkey primary key (sale_id, part_id),
    constraint sale_part_kit_id_fkey foreign key (kit_id) references store.product (id),
    constraint sale_part_part_id_fkey foreign key (part_id) references store.product (id),
    constraint sale_part_quantity_not_zero check (quantity <> numeric '0')
);
comment on table store.sale_part is
'The parts that left with a sale of a kit, never changed. Of a return, the parts that came back: quantity is negative.';
create index sale_part_kit_id_idx on store.sale_part (kit_id);
create index sale_part_part_id_idx on store.sale_part (part_id);

alter type inventory.posting add attribute kit_line integer;
