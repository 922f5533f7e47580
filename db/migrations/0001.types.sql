-- The vocabulary of every function's signature: a domain a kind of value. The server maps each to one pydantic type
-- (server/types.py); a test holds both to the same samples.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create domain inventory.quantity as numeric
constraint quantity_range check (value between 0 and 999999999.999)
constraint quantity_places check (value = round(value, 3));
comment on domain inventory.quantity is 'Units of stock: 0 to 999 999 999.999, at most 3 decimals.';

create domain inventory.positive_quantity as numeric
constraint positive_quantity_range check (value > 0 and value <= 999999999.999)
constraint positive_quantity_places check (value = round(value, 3));
comment on domain inventory.positive_quantity is
'Units of stock: more than 0, up to 999 999 999.999, at most 3 decimals.';

create domain inventory.money as numeric
constraint money_range check (value between 0 and 99999999999999999999.999)
constraint money_places check (value = round(value, 3));
comment on domain inventory.money is 'An amount of money: 0 or more, at most 20 digits before the decimal point and 3 after it.';

-- The characters left out are the control, format, private-use and separator characters, but for the plain space.
create domain inventory.sku_code as text
constraint sku_code_length check (length(value) between 1 and 64)
constraint sku_code_printable check (
    value
    !~ '[\u0001-\u001F\u007F-\u00A0\u00AD\u061C\u1680\u180E\u2000-\u200F\u2028-\u202F\u205F-\u206F\u3000\uE000-\uF8FF\uFEFF\uFFF0-\uFFFB\uFFFE\uFFFF\U000E0000-\U000E0FFF\U000F0000-\U0010FFFF]' -- noqa: LT05
)
constraint sku_code_trimmed check (value !~ '^ | $');
comment on domain inventory.sku_code is
'A stock keeping unit''s code: 1 to 64 printable characters, no space at either end; case counts.';

create domain inventory.name as text
constraint name_length check (length(value) between 1 and 255)
constraint name_not_blank check (value ~ '[^\s]');
comment on domain inventory.name is 'What people call a thing: 1 to 255 characters, not blank.';

create domain inventory.description as text
constraint description_length check (length(value) <= 10000);
comment on domain inventory.description is 'Free text of up to 10 000 characters.';

create domain inventory.reason as text
constraint reason_length check (length(value) <= 1000);
comment on domain inventory.reason is 'Why a caller did what it did: up to 1 000 characters.';

create domain inventory.product_reference as text
constraint product_reference_form check (
    value ~ '^([0-9]{1,18}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})$'
);
comment on domain inventory.product_reference is 'A product''s integer id or its sku_id UUID.';

create domain inventory.page_limit as integer
constraint page_limit_range check (value between 1 and 1000);
comment on domain inventory.page_limit is 'How many rows a list answers at the most: 1 to 1000.';

create domain inventory.page_number as integer
constraint page_number_range check (value >= 1);
comment on domain inventory.page_number is 'A page of a list, from 1.';

create domain inventory.username as text
constraint username_form check (value ~ '^[A-Za-z0-9.@+_-]{1,150}$');
comment on domain inventory.username is 'A user''s name: 1 to 150 letters, digits and @ . + - _; case does not count.';

create domain inventory.password as text
constraint password_length check (length(value) between 1 and 1024);
comment on domain inventory.password is 'A password in clear, 1 to 1024 characters: only ever an argument, stored as a hash.';

create domain inventory.user_role as text
constraint user_role_known check (value in ('operator', 'employee', 'admin'));
comment on domain inventory.user_role is 'A user''s role: operator, employee or admin.';

create type inventory.block_line as (
    sku_id uuid,
    quantity inventory.positive_quantity
);
comment on type inventory.block_line is 'One line of a multi-line block: so many units of one SKU.';

create domain inventory.block_lines as inventory.block_line[]
constraint block_lines_count check (cardinality(value) between 1 and 100);
comment on domain inventory.block_lines is '1 to 100 lines of a multi-line block.';

create type inventory.user_info as (
    id bigint,
    username text,
    role text,
    is_active boolean,
    token_version integer,
    created_at timestamptz,
    updated_at timestamptz
);
comment on type inventory.user_info is 'A user as others may see it: never the password''s hash.';
