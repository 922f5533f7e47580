CREATE SCHEMA store;

ALTER SCHEMA store OWNER TO inventory_owner;

COMMENT ON SCHEMA store IS 'Tables and constraints, for the owner alone. Use the functions of the other schemas.';

CREATE DOMAIN inventory.art_quantity AS integer
	CONSTRAINT art_quantity_range CHECK (((VALUE >= '-1000000'::integer) AND (VALUE <= 1000000)));

ALTER DOMAIN inventory.art_quantity OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.art_quantity IS 'Whole units of an ART order: 1 to 1 000 000; a Count may find 0, an Adjust may be below 0.';

CREATE DOMAIN inventory.art_reason AS text
	CONSTRAINT art_reason_length CHECK ((length(VALUE) <= 255))
	CONSTRAINT art_reason_nfc CHECK ((VALUE IS NFC NORMALIZED));

ALTER DOMAIN inventory.art_reason OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.art_reason IS 'The reason of an ART order: up to 255 characters.';

CREATE DOMAIN inventory.art_sku AS text
	CONSTRAINT art_sku_form CHECK ((VALUE ~ '^[A-Za-z0-9_-]{1,50}$'::text));

ALTER DOMAIN inventory.art_sku OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.art_sku IS 'A SKU code that API 4 can take: 1 to 50 letters, digits, _ and -.';

CREATE DOMAIN inventory.art_type AS text
	CONSTRAINT art_type_known CHECK ((VALUE = ANY (ARRAY['Add'::text, 'Remove'::text, 'Transfer'::text, 'Count'::text, 'Adjust'::text])));

ALTER DOMAIN inventory.art_type OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.art_type IS 'The type of an ART order: Add, Remove, Transfer, Count or Adjust.';

CREATE DOMAIN inventory.location_code AS text
	CONSTRAINT location_code_form CHECK ((VALUE ~ '^RACK-[A-Z][0-9]-[0-9]{2}$'::text));

ALTER DOMAIN inventory.location_code OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.location_code IS 'A location: RACK-<section><aisle>-<position>, as RACK-A1-01.';

CREATE TYPE inventory.art_order AS (
	type inventory.art_type,
	sku inventory.art_sku,
	quantity inventory.art_quantity,
	from_location inventory.location_code,
	to_location inventory.location_code,
	reason inventory.art_reason,
	sufficient_stock boolean
);

ALTER TYPE inventory.art_order OWNER TO inventory_owner;

COMMENT ON TYPE inventory.art_order IS 'An ART order: what to add, remove, transfer, count or adjust, and where.';

CREATE DOMAIN inventory.art_orders AS inventory.art_order[]
	CONSTRAINT art_orders_count CHECK (((cardinality(VALUE) >= 1) AND (cardinality(VALUE) <= 1000)));

ALTER DOMAIN inventory.art_orders OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.art_orders IS '1 to 1000 ART orders.';

CREATE DOMAIN inventory.positive_quantity AS numeric
	CONSTRAINT positive_quantity_places CHECK ((VALUE = round(VALUE, 3)))
	CONSTRAINT positive_quantity_range CHECK (((VALUE > (0)::numeric) AND (VALUE <= 999999999.999)));

ALTER DOMAIN inventory.positive_quantity OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.positive_quantity IS 'Units of stock: more than 0, up to 999 999 999.999, at most 3 decimals.';

CREATE TYPE inventory.block_line AS (
	sku_id uuid,
	quantity inventory.positive_quantity
);

ALTER TYPE inventory.block_line OWNER TO inventory_owner;

COMMENT ON TYPE inventory.block_line IS 'One line of a multi-line block: so many units of one SKU.';

CREATE DOMAIN inventory.block_lines AS inventory.block_line[]
	CONSTRAINT block_lines_count CHECK (((cardinality(VALUE) >= 1) AND (cardinality(VALUE) <= 100)));

ALTER DOMAIN inventory.block_lines OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.block_lines IS '1 to 100 lines of a multi-line block.';

CREATE DOMAIN inventory.block_order AS text
	CONSTRAINT block_order_known CHECK ((VALUE = ANY (ARRAY['created_at'::text, 'expires_at'::text])));

ALTER DOMAIN inventory.block_order OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.block_order IS 'What blocks are listed by: created_at or expires_at.';

CREATE DOMAIN inventory.catalog_money AS numeric
	CONSTRAINT catalog_money_places CHECK ((VALUE = round(VALUE, 2)))
	CONSTRAINT catalog_money_range CHECK (((VALUE >= (0)::numeric) AND (VALUE <= 99999999999999999999.99)));

ALTER DOMAIN inventory.catalog_money OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.catalog_money IS 'An amount of money as API 5 takes it: 0 or more, at most 20 digits before the decimal point and 2 after it.';

CREATE TYPE inventory.change AS (
	feed_key bigint,
	feed_id bigint,
	type text,
	product_id bigint,
	actor text,
	occurred_at timestamp with time zone,
	created_at timestamp with time zone,
	data json
);

ALTER TYPE inventory.change OWNER TO inventory_owner;

COMMENT ON TYPE inventory.change IS 'A row of the change feed (the view store.change).';

CREATE DOMAIN inventory.count_quantity AS integer
	CONSTRAINT count_quantity_range CHECK (((VALUE >= 0) AND (VALUE <= 1000000)));

ALTER DOMAIN inventory.count_quantity OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.count_quantity IS 'Whole units that were found: 0 to 1 000 000.';

CREATE TYPE inventory.count_found AS (
	sku inventory.art_sku,
	quantity inventory.count_quantity
);

ALTER TYPE inventory.count_found OWNER TO inventory_owner;

COMMENT ON TYPE inventory.count_found IS 'What was found of a product.';

CREATE DOMAIN inventory.count_lines AS inventory.count_found[]
	CONSTRAINT count_lines_count CHECK (((cardinality(VALUE) >= 1) AND (cardinality(VALUE) <= 1000)));

ALTER DOMAIN inventory.count_lines OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.count_lines IS '1 to 1000 lines of a count.';

CREATE DOMAIN inventory.count_status AS text
	CONSTRAINT count_status_known CHECK ((VALUE = ANY (ARRAY['open'::text, 'closed'::text, 'cancelled'::text])));

ALTER DOMAIN inventory.count_status OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.count_status IS 'The status of a count: open, closed or cancelled.';

CREATE DOMAIN inventory.day_count AS integer
	CONSTRAINT day_count_range CHECK (((VALUE >= 1) AND (VALUE <= 366)));

ALTER DOMAIN inventory.day_count OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.day_count IS 'A number of days: 1 to 366.';

CREATE DOMAIN inventory.delivery_status AS text
	CONSTRAINT delivery_status_known CHECK ((VALUE = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text])));

ALTER DOMAIN inventory.delivery_status OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.delivery_status IS 'The status of a delivery: pending, delivered, or failed (refused at its last try so far).';

CREATE DOMAIN inventory.description AS text
	CONSTRAINT description_length CHECK ((length(VALUE) <= 10000))
	CONSTRAINT description_nfc CHECK ((VALUE IS NFC NORMALIZED));

ALTER DOMAIN inventory.description OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.description IS 'Free text of up to 10 000 characters.';

CREATE DOMAIN inventory.email AS text
	CONSTRAINT email_form CHECK ((VALUE ~ '^[!-?A-~]{1,64}@[0-9A-Za-z-]+([.][0-9A-Za-z-]+)+$'::text))
	CONSTRAINT email_length CHECK ((length(VALUE) <= 254));

ALTER DOMAIN inventory.email OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.email IS 'An e-mail address, up to 254 characters.';

CREATE DOMAIN inventory.hold_lines AS inventory.block_line[]
	CONSTRAINT hold_lines_count CHECK ((cardinality(VALUE) <= 100));

ALTER DOMAIN inventory.hold_lines OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.hold_lines IS 'What a cart holds: 0 to 100 lines.';

CREATE DOMAIN inventory.hold_owner AS text COLLATE pg_catalog."C"
	CONSTRAINT hold_owner_length CHECK (((length(VALUE) >= 1) AND (length(VALUE) <= 64)))
	CONSTRAINT hold_owner_nfc CHECK ((VALUE IS NFC NORMALIZED))
	CONSTRAINT hold_owner_printable CHECK ((VALUE !~ '[\u0001-\u001F\u007F-\u00A0\u00AD\u061C\u1680\u180E\u2000-\u200F\u2028-\u202F\u205F-\u206F\u3000\uE000-\uF8FF\uFEFF\uFFF0-\uFFFB\uFFFE\uFFFF\U000E0000-\U000E0FFF\U000F0000-\U0010FFFF]'::text))
	CONSTRAINT hold_owner_trimmed CHECK ((VALUE !~ '^ | $'::text));

ALTER DOMAIN inventory.hold_owner OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.hold_owner IS 'What blocks are held for, by its own id: a cart or an order. 1 to 64 printable characters, no space at either end; case counts.';

CREATE DOMAIN inventory.iso_time AS text
	CONSTRAINT iso_time_form CHECK ((VALUE ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?([Zz]|[+-](0[0-9]|1[0-4]):?[0-5][0-9])?)?$'::text))
	CONSTRAINT iso_time_of_four_digits CHECK (((VALUE !~ '^9999-12-31.*([.][0-9]{7}|-[0-9]{2}:?[0-9]{2}$)'::text) AND (VALUE !~ '^0001-01-01.*[+][0-9]{2}:?[0-9]{2}$'::text)))
	CONSTRAINT iso_time_of_the_calendar CHECK (((VALUE IS NULL) OR (make_date((substr(VALUE, 1, 4))::integer, (substr(VALUE, 6, 2))::integer, (substr(VALUE, 9, 2))::integer) IS NOT NULL)));

ALTER DOMAIN inventory.iso_time OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.iso_time IS 'A time or a day in ISO 8601''s form, of the years 0001 to 9999; without an offset it is UTC.';

CREATE DOMAIN inventory.kit_parts AS inventory.block_line[]
	CONSTRAINT kit_parts_count CHECK ((cardinality(VALUE) <= 50));

ALTER DOMAIN inventory.kit_parts OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.kit_parts IS 'The parts of a kit, up to 50: so many units of each SKU for one kit. None: an ordinary product.';

CREATE DOMAIN inventory.money AS numeric
	CONSTRAINT money_places CHECK ((VALUE = round(VALUE, 3)))
	CONSTRAINT money_range CHECK (((VALUE >= (0)::numeric) AND (VALUE <= 99999999999999999999.999)));

ALTER DOMAIN inventory.money OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.money IS 'An amount of money: 0 or more, at most 20 digits before the decimal point and 3 after it.';

CREATE TYPE inventory.movement_kind AS (
	on_hand integer,
	reserved integer,
	blocked integer,
	requires_active boolean,
	is_history boolean,
	is_sale boolean,
	undoes text
);

ALTER TYPE inventory.movement_kind OWNER TO inventory_owner;

COMMENT ON TYPE inventory.movement_kind IS 'What a kind of movement does and counts as: see inventory.movement_kind().';

CREATE DOMAIN inventory.name AS text
	CONSTRAINT name_length CHECK (((length(VALUE) >= 1) AND (length(VALUE) <= 255)))
	CONSTRAINT name_nfc CHECK ((VALUE IS NFC NORMALIZED))
	CONSTRAINT name_not_blank CHECK ((VALUE ~ '[^\s]'::text));

ALTER DOMAIN inventory.name OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.name IS 'What people call a thing: 1 to 255 characters, not blank.';

CREATE DOMAIN inventory.overlap_seconds AS integer
	CONSTRAINT overlap_seconds_range CHECK (((VALUE >= 0) AND (VALUE <= 604800)));

ALTER DOMAIN inventory.overlap_seconds OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.overlap_seconds IS 'How long an old secret signs beside a new one: 0 to 604 800 seconds, 7 days.';

CREATE DOMAIN inventory.page_limit AS integer
	CONSTRAINT page_limit_range CHECK (((VALUE >= 1) AND (VALUE <= 1000)));

ALTER DOMAIN inventory.page_limit OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.page_limit IS 'How many rows a list answers at the most: 1 to 1000.';

CREATE DOMAIN inventory.page_number AS integer
	CONSTRAINT page_number_range CHECK ((VALUE >= 1));

ALTER DOMAIN inventory.page_number OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.page_number IS 'A page of a list, from 1.';

CREATE DOMAIN inventory.password AS text
	CONSTRAINT password_length CHECK ((((length(VALUE) >= 1) AND (length(VALUE) <= 1024)) OR ((length(VALUE) <= 8300) AND (VALUE ~ '^sealed:[0-9a-f-]{36}:[0-9a-f]+$'::text))));

ALTER DOMAIN inventory.password OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.password IS 'A password of 1 to 1024 characters, in clear or sealed (inventory.password_key). Only ever an argument, stored as a hash.';

CREATE DOMAIN inventory.per_page AS integer
	CONSTRAINT per_page_range CHECK (((VALUE >= 1) AND (VALUE <= 100)));

ALTER DOMAIN inventory.per_page OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.per_page IS 'How many rows a page of API 3 has: 1 to 100.';

CREATE DOMAIN inventory.phone_number AS text
	CONSTRAINT phone_number_form CHECK ((VALUE ~ '^[0-9A-Za-z+() ./,#*:;-]*[0-9][0-9A-Za-z+() ./,#*:;-]*$'::text))
	CONSTRAINT phone_number_length CHECK (((length(VALUE) >= 1) AND (length(VALUE) <= 50)));

ALTER DOMAIN inventory.phone_number OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.phone_number IS 'A telephone number as people write it, 1 to 50 characters.';

CREATE DOMAIN inventory.positive_whole_quantity AS integer
	CONSTRAINT positive_whole_quantity_range CHECK (((VALUE >= 1) AND (VALUE <= 999999999)));

ALTER DOMAIN inventory.positive_whole_quantity OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.positive_whole_quantity IS 'Whole units of stock: 1 to 999 999 999.';

CREATE TABLE store.block (
    id uuid NOT NULL,
    product_id bigint NOT NULL,
    quantity numeric(12,3) NOT NULL,
    reason text,
    status text DEFAULT 'active'::text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    ended_at timestamp with time zone,
    ended_reason text,
    ended_by text,
    converted_quantity numeric(12,3),
    owner text COLLATE pg_catalog."C",
    is_held boolean,
    kit_block_id uuid,
    CONSTRAINT block_converted_within CHECK ((((status = 'converted'::text) = (converted_quantity IS NOT NULL)) AND ((converted_quantity IS NULL) OR ((converted_quantity >= '0'::numeric) AND (converted_quantity <= quantity))))),
    CONSTRAINT block_ends_once CHECK (((status = 'active'::text) = (ended_at IS NULL))),
    CONSTRAINT block_expires_after_creation CHECK ((expires_at > created_at)),
    CONSTRAINT block_quantity_positive CHECK ((quantity > '0'::numeric)),
    CONSTRAINT block_status_known CHECK ((status = ANY ('{active,converted,cancelled,expired}'::text[])))
)
WITH (autovacuum_vacuum_scale_factor='0.01');

ALTER TABLE store.block OWNER TO inventory_owner;

COMMENT ON TABLE store.block IS 'Temporary blocks (API 1). A block expires at expires_at, whatever its status says: the sweep only does the bookkeeping.';

COMMENT ON COLUMN store.block.id IS 'A time-ordered UUID: blocks sort by it, oldest first.';

COMMENT ON COLUMN store.block.ended_at IS 'When it was converted or cancelled, or expired (then: expires_at).';

COMMENT ON COLUMN store.block.owner IS 'What it is held for, a cart or an order; null: its creator named nothing.';

COMMENT ON COLUMN store.block.is_held IS 'True while it belongs to what its owner holds: until it is converted or cancelled, or until a call for the owner takes note that
it has expired.';

COMMENT ON COLUMN store.block.kit_block_id IS 'The block of the kit whose part this block holds; null: a block of its own.';

CREATE TABLE store.movement (
    product_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    on_hand_before numeric(12,3) NOT NULL,
    on_hand_after numeric(12,3) NOT NULL,
    reserved_before numeric(12,3) NOT NULL,
    reserved_after numeric(12,3) NOT NULL,
    blocked_before numeric(12,3) NOT NULL,
    blocked_after numeric(12,3) NOT NULL,
    cost numeric(32,3),
    reference text,
    reason text,
    actor text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    average_quantity numeric(12,3) DEFAULT 0 NOT NULL,
    average_value numeric(32,3) DEFAULT 0 NOT NULL,
    number bigint NOT NULL,
    written_by text,
    feed_key bigint DEFAULT 0 NOT NULL,
    CONSTRAINT movement_sound CHECK (inventory.movement_is_sound(kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before, blocked_after))
)
PARTITION BY RANGE (created_at);

ALTER TABLE store.movement OWNER TO inventory_owner;

COMMENT ON TABLE store.movement IS 'The ledger: one immutable row for every change of a balance, by month (UTC). A product''s rows are a chain in order of number:
each begins where the last ended. Each partition has the key (product_id, number); the lock of the product''s stock row makes it
one of the whole.';

COMMENT ON COLUMN store.movement.id IS 'Names it for callers. The order of a product''s movements is that of their numbers.';

COMMENT ON COLUMN store.movement.cost IS 'What an arrival brought or a departure took, from the cost layers; null: unknown, or nothing came or left.';

COMMENT ON COLUMN store.movement.reference IS 'What caused it, where that has an id (a block''s UUID, …).';

COMMENT ON COLUMN store.movement.actor IS 'Who: a user''s name, anonymous, or a database role.';

COMMENT ON COLUMN store.movement.occurred_at IS 'When it happened: for an expiry, the instant at which the block expired.';

COMMENT ON COLUMN store.movement.created_at IS 'When it was written.';

COMMENT ON COLUMN store.movement.average_quantity IS 'store.stock.average_quantity after it.';

COMMENT ON COLUMN store.movement.average_value IS 'store.stock.average_value after it.';

COMMENT ON COLUMN store.movement.number IS 'Counts a product''s movements from 1, with no gap.';

COMMENT ON COLUMN store.movement.written_by IS 'The database login that wrote it; null: written before logins were kept. actor is who that login acted for.';

COMMENT ON COLUMN store.movement.feed_key IS 'With the id, the position in the change feed: the id of the transaction, or the feed_key of the product''s movement before it, if
that is higher; 0: written before the feed existed.';

CREATE TYPE inventory.posted AS (
	movement store.movement,
	block store.block,
	booked numeric,
	ended integer,
	sqlstate text,
	message text,
	detail jsonb,
	hint text
);

ALTER TYPE inventory.posted OWNER TO inventory_owner;

COMMENT ON TYPE inventory.posted IS 'What became of a line of inventory.post: its movement, or the error that refused it.';

CREATE TYPE inventory.posting AS (
	kind text,
	product_id bigint,
	quantity numeric,
	counted numeric,
	unit_cost numeric,
	location_id bigint,
	to_location_id bigint,
	block_id uuid,
	expires_at timestamp with time zone,
	layer_id bigint,
	returns_movement_id bigint,
	unit_price numeric,
	revenue numeric,
	returned_sale_id bigint,
	supplier_id bigint,
	reference text,
	reason text,
	actor text,
	owner text,
	kit_line integer
);

ALTER TYPE inventory.posting OWNER TO inventory_owner;

COMMENT ON TYPE inventory.posting IS 'One line of inventory.post, which says what each field means.';

CREATE DOMAIN inventory.price_type AS text
	CONSTRAINT price_type_known CHECK ((VALUE = ANY (ARRAY['retail'::text, 'promo'::text, 'wholesale'::text])));

ALTER DOMAIN inventory.price_type OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.price_type IS 'A type of price: retail, promo or wholesale.';

CREATE DOMAIN inventory.product_reference AS text
	CONSTRAINT product_reference_form CHECK ((VALUE ~ '^([0-9]{1,18}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})$'::text));

ALTER DOMAIN inventory.product_reference OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.product_reference IS 'A product''s integer id or its sku_id UUID.';

CREATE TYPE inventory.product_summary AS (
	id bigint,
	name text,
	sku text,
	sku_id uuid
);

ALTER TYPE inventory.product_summary OWNER TO inventory_owner;

COMMENT ON TYPE inventory.product_summary IS 'A product as API 3 shows it inside of something else.';

CREATE TYPE inventory.product_title AS (
	id bigint,
	sku text,
	sku_id uuid,
	title text
);

ALTER TYPE inventory.product_title OWNER TO inventory_owner;

COMMENT ON TYPE inventory.product_title IS 'A product as API 5 shows it inside of something else.';

CREATE DOMAIN inventory.quantity AS numeric
	CONSTRAINT quantity_places CHECK ((VALUE = round(VALUE, 3)))
	CONSTRAINT quantity_range CHECK (((VALUE >= (0)::numeric) AND (VALUE <= 999999999.999)));

ALTER DOMAIN inventory.quantity OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.quantity IS 'Units of stock: 0 to 999 999 999.999, at most 3 decimals.';

CREATE DOMAIN inventory.reason AS text
	CONSTRAINT reason_length CHECK ((length(VALUE) <= 1000))
	CONSTRAINT reason_nfc CHECK ((VALUE IS NFC NORMALIZED));

ALTER DOMAIN inventory.reason OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.reason IS 'Why a caller did what it did: up to 1 000 characters.';

CREATE TYPE inventory.reference AS (
	id bigint,
	name text
);

ALTER TYPE inventory.reference OWNER TO inventory_owner;

COMMENT ON TYPE inventory.reference IS 'What something belongs to, by its name.';

CREATE DOMAIN inventory.related_id AS bigint
	CONSTRAINT related_id_range CHECK ((VALUE >= '-9223372036854775808'::bigint));

ALTER DOMAIN inventory.related_id OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.related_id IS 'The integer id of another thing that a body names.';

CREATE DOMAIN inventory.search_text AS text
	CONSTRAINT search_text_length CHECK ((length(VALUE) <= 255))
	CONSTRAINT search_text_nfc CHECK ((VALUE IS NFC NORMALIZED));

ALTER DOMAIN inventory.search_text OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.search_text IS 'What to look for in names and codes: up to 255 characters, none of them special.';

CREATE DOMAIN inventory.serial_number AS text
	CONSTRAINT serial_number_length CHECK ((length(VALUE) <= 255))
	CONSTRAINT serial_number_nfc CHECK ((VALUE IS NFC NORMALIZED));

ALTER DOMAIN inventory.serial_number OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.serial_number IS 'A maker''s serial number, free text of up to 255 characters.';

CREATE DOMAIN inventory.sku_code AS text
	CONSTRAINT sku_code_length CHECK (((length(VALUE) >= 1) AND (length(VALUE) <= 64)))
	CONSTRAINT sku_code_nfc CHECK ((VALUE IS NFC NORMALIZED))
	CONSTRAINT sku_code_printable CHECK ((VALUE !~ '[\u0001-\u001F\u007F-\u00A0\u00AD\u061C\u1680\u180E\u2000-\u200F\u2028-\u202F\u205F-\u206F\u3000\uE000-\uF8FF\uFEFF\uFFF0-\uFFFB\uFFFE\uFFFF\U000E0000-\U000E0FFF\U000F0000-\U0010FFFF]'::text))
	CONSTRAINT sku_code_trimmed CHECK ((VALUE !~ '^ | $'::text));

ALTER DOMAIN inventory.sku_code OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.sku_code IS 'A stock keeping unit''s code: 1 to 64 printable characters, no space at either end; case counts.';

CREATE TYPE inventory.stock_found AS (
	id inventory.product_reference,
	quantity inventory.quantity,
	counted_at timestamp with time zone,
	reason inventory.reason
);

ALTER TYPE inventory.stock_found OWNER TO inventory_owner;

COMMENT ON TYPE inventory.stock_found IS 'How many units of a product were counted, when (null: now) and why.';

CREATE DOMAIN inventory.stock_findings AS inventory.stock_found[]
	CONSTRAINT stock_findings_count CHECK (((cardinality(VALUE) >= 1) AND (cardinality(VALUE) <= 1000)));

ALTER DOMAIN inventory.stock_findings OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.stock_findings IS 'Counts of 1 to 1000 products.';

CREATE DOMAIN inventory.stock_state AS text
	CONSTRAINT stock_state_known CHECK ((VALUE = ANY (ARRAY['low'::text, 'sold_out'::text])));

ALTER DOMAIN inventory.stock_state OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.stock_state IS 'low: at or below the reorder point. sold_out: the inventory is active and nothing is available.';

CREATE DOMAIN inventory.stock_status AS text
	CONSTRAINT stock_status_known CHECK ((VALUE = ANY (ARRAY['active'::text, 'inactive'::text, 'archived'::text])));

ALTER DOMAIN inventory.stock_status OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.stock_status IS 'The status of a product''s inventory: active, inactive or archived.';

CREATE DOMAIN inventory.time_zone AS text
	CONSTRAINT time_zone_form CHECK ((VALUE ~ '^(UTC|Etc/GMT[+-][0-9]{1,2}|[A-Za-z_]{1,32}(/[A-Za-z_]+(-[A-Za-z_]+)*){1,2})$'::text))
	CONSTRAINT time_zone_length CHECK ((length(VALUE) <= 64));

ALTER DOMAIN inventory.time_zone OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.time_zone IS 'The IANA name of a time zone, such as Europe/Berlin, or UTC.';

CREATE DOMAIN inventory.unit_symbol AS text
	CONSTRAINT unit_symbol_length CHECK (((length(VALUE) >= 1) AND (length(VALUE) <= 16)))
	CONSTRAINT unit_symbol_nfc CHECK ((VALUE IS NFC NORMALIZED))
	CONSTRAINT unit_symbol_not_blank CHECK ((VALUE ~ '[^\s]'::text));

ALTER DOMAIN inventory.unit_symbol OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.unit_symbol IS 'The sign of a unit of measure: 1 to 16 characters, not blank.';

CREATE TYPE inventory.user_info AS (
	id bigint,
	username text,
	role text,
	is_active boolean,
	token_version integer,
	created_at timestamp with time zone,
	updated_at timestamp with time zone
);

ALTER TYPE inventory.user_info OWNER TO inventory_owner;

COMMENT ON TYPE inventory.user_info IS 'A user as others may see it: never the password''s hash.';

CREATE DOMAIN inventory.user_role AS text
	CONSTRAINT user_role_known CHECK ((VALUE = ANY ('{operator,employee,integration,admin}'::text[])));

ALTER DOMAIN inventory.user_role OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.user_role IS 'A user''s role: operator, employee, integration or admin.';

CREATE DOMAIN inventory.username AS text
	CONSTRAINT username_form CHECK ((VALUE ~ '^[A-Za-z0-9.@+_-]{1,150}$'::text));

ALTER DOMAIN inventory.username OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.username IS 'A user''s name: 1 to 150 letters, digits and @ . + - _; case does not count.';

CREATE DOMAIN inventory.webhook_event AS text
	CONSTRAINT webhook_event_known CHECK ((VALUE = ANY (ARRAY['outflow.created'::text, 'inflow.created'::text, 'stock.low'::text, 'stock.changed'::text, 'stock.available'::text, 'stock.sold_out'::text, 'block.expired'::text, 'price.changed'::text])));

ALTER DOMAIN inventory.webhook_event OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.webhook_event IS 'What a webhook is told of: outflow.created, inflow.created, stock.low, stock.changed, stock.available, stock.sold_out,
block.expired or price.changed.';

CREATE DOMAIN inventory.webhook_events AS inventory.webhook_event[]
	CONSTRAINT webhook_events_count CHECK (((cardinality(VALUE) >= 1) AND (cardinality(VALUE) <= 100)))
	CONSTRAINT webhook_events_list CHECK (((array_ndims(VALUE) = 1) AND (array_position(VALUE, (NULL::text)::inventory.webhook_event) IS NULL)));

ALTER DOMAIN inventory.webhook_events OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.webhook_events IS '1 to 100 names of events; one that comes twice counts once.';

CREATE TYPE inventory.webhook_info AS (
	id bigint,
	url text,
	events text[],
	enabled boolean,
	secret text,
	created_at timestamp with time zone,
	updated_at timestamp with time zone,
	stock_changes text
);

ALTER TYPE inventory.webhook_info OWNER TO inventory_owner;

COMMENT ON TYPE inventory.webhook_info IS 'A webhook endpoint as its admin may see it; its secret only from the functions that have just made it, else null.';

CREATE DOMAIN inventory.webhook_url AS text
	CONSTRAINT webhook_url_form CHECK ((VALUE ~ '^[Hh][Tt][Tt][Pp][Ss]?://([0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?][!"$-~]*)?$'::text))
	CONSTRAINT webhook_url_length CHECK ((length(VALUE) <= 2048));

ALTER DOMAIN inventory.webhook_url OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.webhook_url IS 'An http or https address, up to 2048 printable ASCII characters, with no user and no fragment in it.';

CREATE DOMAIN inventory.whole_quantity AS integer
	CONSTRAINT whole_quantity_range CHECK (((VALUE >= 0) AND (VALUE <= 999999999)));

ALTER DOMAIN inventory.whole_quantity OWNER TO inventory_owner;

COMMENT ON DOMAIN inventory.whole_quantity IS 'Whole units of stock: 0 to 999 999 999.';

CREATE TABLE store.art_operation (
    id bigint NOT NULL,
    operation_type text NOT NULL,
    product_id bigint NOT NULL,
    sku text NOT NULL COLLATE pg_catalog."C",
    quantity numeric(12,3) NOT NULL,
    from_location text COLLATE pg_catalog."C",
    to_location text COLLATE pg_catalog."C",
    booked_quantity numeric(12,3),
    reason text,
    movement_id bigint,
    count_id bigint,
    actor text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT art_operation_type_known CHECK ((operation_type = ANY ('{Add,Remove,Transfer,Count,Adjust}'::text[])))
);

ALTER TABLE store.art_operation OWNER TO inventory_owner;

COMMENT ON TABLE store.art_operation IS 'The audit trail of ART orders: one row an order, written with what it did.';

COMMENT ON COLUMN store.art_operation.sku IS 'The product''s code as it was then.';

COMMENT ON COLUMN store.art_operation.booked_quantity IS 'Of a Count, what was booked at the location before it.';

COMMENT ON COLUMN store.art_operation.movement_id IS 'Its movement; null where nothing moved.';

COMMENT ON COLUMN store.art_operation.count_id IS 'The count that booked it.';

CREATE TABLE store.stock (
    product_id bigint NOT NULL,
    on_hand numeric(12,3) DEFAULT 0 NOT NULL,
    reserved numeric(12,3) DEFAULT 0 NOT NULL,
    blocked numeric(12,3) DEFAULT 0 NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    unit_id integer DEFAULT 1 NOT NULL,
    reorder_point numeric(12,3),
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    is_low boolean GENERATED ALWAYS AS (COALESCE((on_hand <= reorder_point), false)) STORED NOT NULL,
    average_quantity numeric(12,3) DEFAULT 0 NOT NULL,
    average_value numeric(32,3) DEFAULT 0 NOT NULL,
    located numeric(12,3) DEFAULT 0 NOT NULL,
    last_number bigint DEFAULT 0 NOT NULL,
    feed_key bigint DEFAULT 0 NOT NULL,
    feed_base bigint DEFAULT 0 NOT NULL,
    is_kit boolean DEFAULT false NOT NULL,
    kit_reserved numeric(12,3) DEFAULT 0 NOT NULL
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02');

ALTER TABLE store.stock OWNER TO inventory_owner;

COMMENT ON TABLE store.stock IS 'The balances of a product and the lock that orders everything about it. available = on_hand - reserved - blocked.';

COMMENT ON COLUMN store.stock.on_hand IS 'Units physically there.';

COMMENT ON COLUMN store.stock.reserved IS 'Units promised by API 2, with no block behind them.';

COMMENT ON COLUMN store.stock.blocked IS 'Units held by blocks of status active, expired ones that no one has ended yet included.';

COMMENT ON COLUMN store.stock.is_low IS 'On hand is at or below the reorder point. A column: an index on the comparison would make each change of on hand a cold one.';

COMMENT ON COLUMN store.stock.average_quantity IS 'Units of known cost in the pool of the moving average: a departure takes of them in proportion.';

COMMENT ON COLUMN store.stock.average_value IS 'What those units cost by the moving average: average_value / average_quantity a unit, reported beside FIFO.';

COMMENT ON COLUMN store.stock.located IS 'The part of on_hand that lies at named locations (store.location_stock); the rest is unlocated.';

COMMENT ON COLUMN store.stock.last_number IS 'The number of the product''s last movement; 0: it has none yet.';

COMMENT ON COLUMN store.stock.feed_key IS 'The feed_key of the product''s last movement.';

COMMENT ON COLUMN store.stock.feed_base IS 'A copy of store.setting.feed_base, so that a posting reads one row less.';

COMMENT ON COLUMN store.stock.is_kit IS 'Whether the product is a kit. A kit has no units of its own: on_hand is 0, and reserved and blocked count the promised kits.';

COMMENT ON COLUMN store.stock.kit_reserved IS 'The part of reserved that belongs to reserved kits.';

CREATE TABLE store.count (
    id bigint NOT NULL,
    location_id bigint NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    started_by text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    closed_by text,
    closed_at timestamp with time zone,
    CONSTRAINT count_closed_once CHECK (((status = 'open'::text) = (closed_at IS NULL))),
    CONSTRAINT count_status_known CHECK ((status = ANY ('{open,closed,cancelled}'::text[])))
);

ALTER TABLE store.count OWNER TO inventory_owner;

COMMENT ON TABLE store.count IS 'Cycle counts of locations. A location has one that is open at the most.';

CREATE TABLE store.stock_count (
    product_id bigint NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    quantity numeric(12,3) NOT NULL,
    difference numeric(12,3) NOT NULL,
    number bigint,
    reason text,
    counted_by text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT stock_count_has_movement CHECK (((difference = '0'::numeric) = (number IS NULL))),
    CONSTRAINT stock_count_quantity_range CHECK ((quantity >= '0'::numeric))
);

ALTER TABLE store.stock_count OWNER TO inventory_owner;

COMMENT ON TABLE store.stock_count IS 'Counts of the whole stock of a product: on hand at counted_at was set to the quantity.';

COMMENT ON COLUMN store.stock_count.difference IS 'What the count added to on hand, now and at counted_at.';

COMMENT ON COLUMN store.stock_count.number IS 'The number of the movement that booked the difference; null if there was none.';

COMMENT ON COLUMN store.stock_count.created_at IS 'When it was booked.';

CREATE TABLE store.brand (
    id bigint NOT NULL,
    name text NOT NULL,
    description text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

ALTER TABLE store.brand OWNER TO inventory_owner;

COMMENT ON TABLE store.brand IS 'Brands (API 5). Names mind no case.';

CREATE TABLE store.product (
    id bigint NOT NULL,
    sku_id uuid NOT NULL,
    sku text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    description text,
    cost_price numeric(23,3),
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    category_id bigint,
    brand_id bigint,
    serial_number text,
    retail_price numeric(23,3),
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT product_cost_price_not_negative CHECK ((cost_price >= '0'::numeric))
);

ALTER TABLE store.product OWNER TO inventory_owner;

COMMENT ON TABLE store.product IS 'What can be stocked. id: APIs 2, 3, 5; sku_id: API 1; sku: APIs 1, 3, 4.';

COMMENT ON COLUMN store.product.cost_price IS 'What a unit costs when an arrival does not say; null: unknown.';

COMMENT ON COLUMN store.product.retail_price IS 'The active retail price, for lists to search and sort by; right but for what store.price_turn still has to do.';

COMMENT ON COLUMN store.product.version IS 'How often something of the product has changed that no movement tells of: a field, a price, its inventory, the end of a block.';

CREATE TABLE store.category (
    id bigint NOT NULL,
    name text NOT NULL,
    description text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

ALTER TABLE store.category OWNER TO inventory_owner;

COMMENT ON TABLE store.category IS 'Categories of products (API 5). Names mind no case.';

CREATE TABLE store.supplier (
    id bigint NOT NULL,
    name text NOT NULL,
    business_name text,
    email text COLLATE pg_catalog."C",
    phone_number text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    description text
);

ALTER TABLE store.supplier OWNER TO inventory_owner;

COMMENT ON TABLE store.supplier IS 'Who sells to us (APIs 3 and 5). An e-mail address is one supplier''s alone, minding no case.';

CREATE TABLE store.unit (
    id integer NOT NULL,
    name text NOT NULL,
    symbol text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE store.unit OWNER TO inventory_owner;

COMMENT ON TABLE store.unit IS 'Units of measure. Kilogram has id 3, as in the sample of API 3.';

CREATE TABLE store.price (
    product_id bigint NOT NULL,
    id bigint NOT NULL,
    price_type text NOT NULL,
    amount numeric(23,3) NOT NULL,
    effective_from timestamp with time zone NOT NULL,
    effective_to timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT price_amount_not_negative CHECK ((amount >= '0'::numeric)),
    CONSTRAINT price_ends_after_it_begins CHECK ((effective_to >= effective_from)),
    CONSTRAINT price_type_known CHECK ((price_type = ANY ('{retail,promo,wholesale}'::text[])))
);

ALTER TABLE store.price OWNER TO inventory_owner;

COMMENT ON TABLE store.price IS 'Prices as rules in time, [effective_from, effective_to). The latest effective_from wins, then the highest id.';

COMMENT ON CONSTRAINT price_ends_after_it_begins ON store.price IS 'A rule that another one of the same instant replaced holds at no instant.';

CREATE TABLE store.cost_layer (
    product_id bigint NOT NULL,
    id bigint NOT NULL,
    movement_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    quantity numeric(12,3) NOT NULL,
    remaining numeric(12,3) NOT NULL,
    unit_cost numeric(23,3),
    value numeric(32,3),
    remaining_value numeric(32,3),
    is_open boolean DEFAULT true NOT NULL,
    number bigint NOT NULL,
    CONSTRAINT cost_layer_cost_known_or_not CHECK ((((unit_cost IS NULL) = (value IS NULL)) AND ((value IS NULL) = (remaining_value IS NULL)))),
    CONSTRAINT cost_layer_empty_is_worth_nothing CHECK (((remaining > '0'::numeric) OR (COALESCE(remaining_value, '0'::numeric) = '0'::numeric))),
    CONSTRAINT cost_layer_open_while_it_holds CHECK ((is_open = (remaining > '0'::numeric))),
    CONSTRAINT cost_layer_quantity_positive CHECK ((quantity > '0'::numeric)),
    CONSTRAINT cost_layer_remaining_value_within CHECK (((remaining_value >= '0'::numeric) AND (remaining_value <= value))),
    CONSTRAINT cost_layer_remaining_within CHECK (((remaining >= '0'::numeric) AND (remaining <= quantity)))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02');

ALTER TABLE store.cost_layer OWNER TO inventory_owner;

COMMENT ON TABLE store.cost_layer IS 'What each arrival cost and what is left of it. Departures use layers up in order of id, first in first out.';

COMMENT ON COLUMN store.cost_layer.id IS 'Names it for callers. Departures use layers up in order of number.';

COMMENT ON COLUMN store.cost_layer.value IS 'quantity * unit_cost, rounded half up to 3 decimals once, on arrival; null: unknown.';

COMMENT ON COLUMN store.cost_layer.remaining_value IS 'What is left of value: who takes the last units takes all that remains.';

COMMENT ON COLUMN store.cost_layer.number IS 'The number of the movement that brought it; 0 and below: the order of those whose movements have no number.';

CREATE TABLE store.purchase (
    product_id bigint NOT NULL,
    number bigint NOT NULL,
    id bigint NOT NULL,
    supplier_id bigint NOT NULL,
    movement_id bigint NOT NULL,
    quantity numeric(12,3) NOT NULL,
    unit_cost numeric(23,3) NOT NULL,
    cost numeric(32,3) NOT NULL,
    actor text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    quantity_to_date numeric(32,3) NOT NULL,
    cost_to_date numeric(38,3) NOT NULL,
    CONSTRAINT purchase_quantity_positive CHECK ((quantity > '0'::numeric)),
    CONSTRAINT purchase_unit_cost_not_negative CHECK ((unit_cost >= '0'::numeric))
);

ALTER TABLE store.purchase OWNER TO inventory_owner;

COMMENT ON TABLE store.purchase IS 'Purchases (API 3), never changed. A purchase''s cost layer is the one of its movement.';

COMMENT ON COLUMN store.purchase.number IS 'Counts a product''s purchases from 1, with no gap.';

COMMENT ON COLUMN store.purchase.cost IS 'quantity * unit_cost, rounded half up to 3 decimals: the value of the cost layer.';

COMMENT ON COLUMN store.purchase.quantity_to_date IS 'Units of this and all earlier purchases of the product.';

COMMENT ON COLUMN store.purchase.cost_to_date IS 'Cost of this and all earlier purchases of the product.';

CREATE TABLE store.count_line (
    count_id bigint NOT NULL,
    product_id bigint NOT NULL,
    counted_quantity numeric(12,3) NOT NULL,
    booked_quantity numeric(12,3) NOT NULL,
    counted_by text NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    operation_id bigint,
    CONSTRAINT count_line_quantity_not_negative CHECK ((counted_quantity >= '0'::numeric))
);

ALTER TABLE store.count_line OWNER TO inventory_owner;

COMMENT ON TABLE store.count_line IS 'What was found of a product at the location.';

COMMENT ON COLUMN store.count_line.booked_quantity IS 'What was booked there at the instant of counting: what moves afterwards is no difference.';

COMMENT ON COLUMN store.count_line.operation_id IS 'The Count that closing the count booked.';

CREATE TABLE store.inflow (
    product_id bigint NOT NULL,
    id bigint NOT NULL,
    supplier_id bigint NOT NULL,
    movement_id bigint NOT NULL,
    quantity numeric(12,3) NOT NULL,
    description text,
    actor text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT inflow_quantity_positive CHECK ((quantity > '0'::numeric))
);

ALTER TABLE store.inflow OWNER TO inventory_owner;

COMMENT ON TABLE store.inflow IS 'Inflows (API 5), never changed. An inflow''s cost layer is the one of its movement.';

CREATE TABLE store.outflow (
    product_id bigint NOT NULL,
    id bigint NOT NULL,
    movement_id bigint NOT NULL,
    quantity numeric(12,3) NOT NULL,
    description text,
    actor text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT outflow_quantity_positive CHECK ((quantity > '0'::numeric))
);

ALTER TABLE store.outflow OWNER TO inventory_owner;

COMMENT ON TABLE store.outflow IS 'Outflows (API 5), never changed.';

CREATE TABLE store.sale (
    product_id bigint NOT NULL,
    number bigint NOT NULL,
    id bigint NOT NULL,
    movement_id bigint NOT NULL,
    quantity numeric(12,3) NOT NULL,
    unit_price numeric(23,3) NOT NULL,
    revenue numeric(32,3) NOT NULL,
    cost numeric(32,3),
    returned_sale_id bigint,
    actor text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    quantity_to_date numeric(32,3) NOT NULL,
    revenue_to_date numeric(38,3) NOT NULL,
    cost_to_date numeric(38,3) NOT NULL,
    without_cost_to_date bigint NOT NULL,
    CONSTRAINT sale_sign CHECK (((quantity <> '0'::numeric) AND ((quantity < '0'::numeric) = (returned_sale_id IS NOT NULL)))),
    CONSTRAINT sale_unit_price_not_negative CHECK ((unit_price >= '0'::numeric))
);

ALTER TABLE store.sale OWNER TO inventory_owner;

COMMENT ON TABLE store.sale IS 'Sales (API 3), never changed: what comes back is a row of its own, with quantity, revenue and cost below 0.';

COMMENT ON COLUMN store.sale.number IS 'Counts a product''s sales and returns from 1, with no gap.';

COMMENT ON COLUMN store.sale.revenue IS 'quantity * unit_price, rounded half up to 3 decimals; of a return, what it takes back.';

COMMENT ON COLUMN store.sale.cost IS 'What it took from the cost layers, first in first out; null: not known.';

COMMENT ON COLUMN store.sale.returned_sale_id IS 'The sale of which this is a return; null for a sale.';

COMMENT ON COLUMN store.sale.quantity_to_date IS 'Units of this and all earlier sales of the product, less returns.';

COMMENT ON COLUMN store.sale.revenue_to_date IS 'Revenue of this and all earlier sales of the product, less returns.';

COMMENT ON COLUMN store.sale.cost_to_date IS 'Known cost of this and all earlier sales of the product, less returns.';

COMMENT ON COLUMN store.sale.without_cost_to_date IS 'How many of these sales and returns have no known cost.';

CREATE TABLE store.webhook (
    id bigint NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    enabled boolean NOT NULL,
    secret text NOT NULL,
    previous_secret text,
    previous_secret_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone,
    stock_changes text DEFAULT 'each'::text NOT NULL,
    CONSTRAINT webhook_deleted_is_disabled CHECK (((deleted_at IS NULL) OR (NOT enabled))),
    CONSTRAINT webhook_events_some CHECK ((cardinality(events) > 0)),
    CONSTRAINT webhook_previous_secret_ends CHECK (((previous_secret IS NULL) = (previous_secret_until IS NULL))),
    CONSTRAINT webhook_stock_changes_known CHECK ((stock_changes = ANY ('{each,per_second}'::text[])))
);

ALTER TABLE store.webhook OWNER TO inventory_owner;

COMMENT ON TABLE store.webhook IS 'Webhook endpoints: where events go, and which.';

COMMENT ON COLUMN store.webhook.secret IS 'What deliveries are signed with: whsec_ and 32 random bytes in base64.';

COMMENT ON COLUMN store.webhook.previous_secret IS 'Signs beside the other until previous_secret_until.';

COMMENT ON COLUMN store.webhook.deleted_at IS 'When it was deleted: nobody sees it any more, and a job removes it with its deliveries.';

COMMENT ON COLUMN store.webhook.stock_changes IS 'How it is told stock.changed: each or per_second.';

CREATE TABLE store.kit_part (
    kit_id bigint NOT NULL,
    part_id bigint NOT NULL,
    quantity numeric(12,3) NOT NULL,
    CONSTRAINT kit_part_other_product CHECK ((kit_id <> part_id)),
    CONSTRAINT kit_part_quantity_positive CHECK ((quantity > '0'::numeric))
);

ALTER TABLE store.kit_part OWNER TO inventory_owner;

COMMENT ON TABLE store.kit_part IS 'What one unit of a kit is made of. A kit is never a part of another kit.';

CREATE TABLE store.user_account (
    id bigint NOT NULL,
    username text NOT NULL COLLATE pg_catalog."C",
    password_hash text NOT NULL,
    role text NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    token_version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT user_account_role_known CHECK ((role = ANY ('{operator,employee,integration,admin}'::text[])))
);

ALTER TABLE store.user_account OWNER TO inventory_owner;

COMMENT ON TABLE store.user_account IS 'Who may log in over HTTP. Names mind no case.';

COMMENT ON COLUMN store.user_account.password_hash IS 'bcrypt of the base64 of the password''s SHA-384.';

COMMENT ON COLUMN store.user_account.token_version IS 'A changed password or role adds 1, which ends the refresh tokens given before.';

CREATE TABLE store.cost_layer_use (
    product_id bigint NOT NULL,
    movement_id bigint NOT NULL,
    layer_id bigint NOT NULL,
    quantity numeric(12,3) NOT NULL,
    cost numeric(32,3),
    returns_movement_id bigint,
    CONSTRAINT cost_layer_use_sign CHECK (((quantity <> '0'::numeric) AND ((quantity < '0'::numeric) = (returns_movement_id IS NOT NULL))))
);

ALTER TABLE store.cost_layer_use OWNER TO inventory_owner;

COMMENT ON TABLE store.cost_layer_use IS 'Which layers paid for which departure, and (quantity and cost below 0) what of it came back into them.';

COMMENT ON COLUMN store.cost_layer_use.returns_movement_id IS 'The departure whose units came back; null for a departure.';

CREATE TABLE store.location_movement (
    product_id bigint NOT NULL,
    movement_id bigint NOT NULL,
    location_id bigint NOT NULL,
    quantity_before numeric(12,3) NOT NULL,
    quantity_after numeric(12,3) NOT NULL,
    CONSTRAINT location_movement_not_negative CHECK (((quantity_before >= '0'::numeric) AND (quantity_after >= '0'::numeric)))
);

ALTER TABLE store.location_movement OWNER TO inventory_owner;

COMMENT ON TABLE store.location_movement IS 'The lines of a movement: what it changed at which location. What lies at a location is the sum of them.';

CREATE TABLE store.location_stock (
    product_id bigint NOT NULL,
    location_id bigint NOT NULL,
    quantity numeric(12,3) NOT NULL,
    arrived_at timestamp with time zone NOT NULL,
    CONSTRAINT location_stock_quantity_not_negative CHECK ((quantity >= '0'::numeric))
)
WITH (fillfactor='80');

ALTER TABLE store.location_stock OWNER TO inventory_owner;

COMMENT ON TABLE store.location_stock IS 'The part of on_hand that lies at a location; the rest is unlocated.';

COMMENT ON COLUMN store.location_stock.arrived_at IS 'Since when the location holds some: a departure that names none takes unlocated units, then locations in this order.';

CREATE TABLE store.seal (
    number bigint NOT NULL,
    hour timestamp with time zone NOT NULL,
    part integer NOT NULL,
    first_key bigint NOT NULL,
    first_id bigint NOT NULL,
    last_key bigint NOT NULL,
    last_id bigint NOT NULL,
    movements integer NOT NULL,
    leaves bytea NOT NULL,
    previous_hash bytea,
    hash bytea NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    CONSTRAINT seal_first_has_no_previous CHECK (((previous_hash IS NULL) = (number = '1'::bigint))),
    CONSTRAINT seal_number_range CHECK ((number > '0'::bigint))
);
ALTER TABLE ONLY store.seal ALTER COLUMN leaves SET STORAGE EXTERNAL;

ALTER TABLE store.seal OWNER TO inventory_owner;

COMMENT ON TABLE store.seal IS 'Seals of the ledger: each has the hashes of the movements of an hour, or of a part of them, and the hash of the seal before it.
maintenance.seal_movements() writes it, and nothing changes a row.';

COMMENT ON COLUMN store.seal.hour IS 'The beginning of the hour (UTC) in which the movements were written.';

COMMENT ON COLUMN store.seal.part IS 'Counts the seals of the hour from 1.';

COMMENT ON COLUMN store.seal.first_key IS 'With first_id, the position of its first movement in the change feed.';

COMMENT ON COLUMN store.seal.last_key IS 'With last_id, the position of its last movement.';

COMMENT ON COLUMN store.seal.movements IS 'How many movements it has.';

COMMENT ON COLUMN store.seal.leaves IS 'maintenance.movement_leaf of each movement, in the order of the feed: 24 bytes each.';

COMMENT ON COLUMN store.seal.previous_hash IS 'The hash of the seal before it.';

COMMENT ON COLUMN store.seal.hash IS 'maintenance.seal_hash of the row.';

CREATE VIEW store.balance AS
 SELECT s.product_id,
    (
        CASE
            WHEN s.is_kit THEN ((s.reserved + e.kits[1]) + e.kits[2])
            ELSE s.on_hand
        END)::numeric(12,3) AS on_hand,
    s.reserved,
        CASE
            WHEN s.is_kit THEN e.kits[1]
            ELSE (s.blocked - e.quantity)
        END AS blocked,
        CASE
            WHEN s.is_kit THEN e.kits[2]
            ELSE (((s.on_hand - s.reserved) - s.blocked) + e.quantity)
        END AS available,
    s.status,
    s.unit_id,
    s.reorder_point,
    s.created_at,
    s.updated_at,
    ((s.last_number + e.number) +
        CASE
            WHEN s.is_kit THEN inventory.kit_number(s.product_id, inventory.clock())
            ELSE (0)::bigint
        END) AS number,
    s.is_kit,
    (s.is_low AND (NOT s.is_kit)) AS is_low
   FROM (store.stock s
     CROSS JOIN LATERAL ( SELECT COALESCE(sum(b.quantity), (0)::numeric) AS quantity,
            count(*) AS number,
                CASE
                    WHEN s.is_kit THEN inventory.kit_balances(s.product_id)
                    ELSE NULL::numeric[]
                END AS kits
           FROM store.block b
          WHERE ((s.blocked > (0)::numeric) AND (b.product_id = s.product_id) AND inventory.is_expired_block(b.*, inventory.clock()))) e);

ALTER TABLE store.balance OWNER TO inventory_owner;

COMMENT ON VIEW store.balance IS 'The current balances of each product with an inventory. Expired blocks hold nothing, even if no job has ended them yet: their
units are not part of blocked, and are available. number: that of the last movement; each of these blocks counts as one
(inventory.number_at). A kit has as many available as its parts allow, and on hand the promised ones besides.';

CREATE TABLE store.location (
    id bigint NOT NULL,
    code text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE store.location OWNER TO inventory_owner;

COMMENT ON TABLE store.location IS 'Named locations (API 4).';

CREATE TABLE store.event (
    id uuid NOT NULL,
    type text NOT NULL,
    payload json NOT NULL,
    created_at timestamp with time zone NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02');

ALTER TABLE store.event OWNER TO inventory_owner;

COMMENT ON TABLE store.event IS 'The outbox: what happened, written in the transaction in which it happened, where an endpoint wants to know of it.';

COMMENT ON COLUMN store.event.id IS 'A time-ordered UUID; the webhook-id of every delivery and try is made of it.';

COMMENT ON COLUMN store.event.payload IS 'The body that is sent, to the byte.';

CREATE TABLE store.webhook_delivery (
    id bigint NOT NULL,
    webhook_id bigint NOT NULL,
    event_id uuid NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone,
    leased_until timestamp with time zone,
    last_status integer,
    last_error text,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT webhook_delivery_attempts_not_fewer CHECK (((tries >= 0) AND (tries <= attempts))),
    CONSTRAINT webhook_delivery_finished_free CHECK (((finished_at IS NULL) OR (leased_until IS NULL))),
    CONSTRAINT webhook_delivery_finished_or_due CHECK (((next_attempt_at IS NULL) = (finished_at IS NOT NULL))),
    CONSTRAINT webhook_delivery_status_known CHECK ((status = ANY ('{pending,delivered,failed}'::text[])))
)
WITH (autovacuum_vacuum_scale_factor='0.02');

ALTER TABLE store.webhook_delivery OWNER TO inventory_owner;

COMMENT ON TABLE store.webhook_delivery IS 'One event on its way to one endpoint.';

COMMENT ON COLUMN store.webhook_delivery.attempts IS 'All tries ever, counted as they begin: the number of the try under way, which alone may report its outcome.';

COMMENT ON COLUMN store.webhook_delivery.tries IS 'Tries since it was queued or last replayed: its place in the schedule.';

COMMENT ON COLUMN store.webhook_delivery.next_attempt_at IS 'When the next try is due; of a try under way, when another takes over; null: no further try.';

COMMENT ON COLUMN store.webhook_delivery.leased_until IS 'Until when a server works on it; null: none does.';

COMMENT ON COLUMN store.webhook_delivery.finished_at IS 'When it was delivered, or given up; null: neither yet.';

CREATE TABLE store.sale_part (
    sale_id bigint NOT NULL,
    kit_id bigint NOT NULL,
    part_id bigint NOT NULL,
    movement_id bigint NOT NULL,
    quantity numeric(12,3) NOT NULL,
    CONSTRAINT sale_part_quantity_not_zero CHECK ((quantity <> '0'::numeric))
);

ALTER TABLE store.sale_part OWNER TO inventory_owner;

COMMENT ON TABLE store.sale_part IS 'The parts that left with a sale of a kit, never changed. Of a return, the parts that came back: quantity is negative.';

CREATE TABLE store.audit (
    id bigint NOT NULL,
    product_id bigint,
    subject text NOT NULL,
    subject_id text NOT NULL,
    action text NOT NULL,
    before jsonb,
    after jsonb,
    actor text NOT NULL,
    written_by text DEFAULT SESSION_USER NOT NULL,
    created_at timestamp with time zone NOT NULL,
    feed_key bigint DEFAULT 0 NOT NULL,
    feed_id bigint,
    CONSTRAINT audit_action_known CHECK ((action = ANY ('{create,change,delete}'::text[]))),
    CONSTRAINT audit_after_unless_deleted CHECK (((after IS NULL) = (action = 'delete'::text))),
    CONSTRAINT audit_before_unless_created CHECK (((before IS NULL) = (action = 'create'::text)))
);

ALTER TABLE store.audit OWNER TO inventory_owner;

COMMENT ON TABLE store.audit IS 'Who changed what, where no movement and no price says so. inventory.record_change writes it; no function changes or removes a
row. It refers to no other table, so that it outlives what it tells of.';

COMMENT ON COLUMN store.audit.product_id IS 'The product that it is about, if it is about one.';

COMMENT ON COLUMN store.audit.subject IS 'block, inventory, product, price, user, supplier, brand, category, webhook or setting.';

COMMENT ON COLUMN store.audit.subject_id IS 'The id of that thing; an inventory''s is its product''s; a price''s is its type; 1 for the settings.';

COMMENT ON COLUMN store.audit.before IS 'The fields that changed, as they were; null: it was created.';

COMMENT ON COLUMN store.audit.after IS 'The same fields as they are since; null: it was deleted.';

COMMENT ON COLUMN store.audit.written_by IS 'The database login that wrote it. actor is who that login acted for.';

COMMENT ON COLUMN store.audit.feed_key IS 'With feed_id, the position in the change feed; 0: not in the feed.';

COMMENT ON COLUMN store.audit.feed_id IS 'An id from the sequence of the movements'' ids.';

CREATE TABLE store.deleted_product (
    id bigint NOT NULL,
    sku_id uuid NOT NULL,
    sku text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    description text,
    unit_id integer,
    stocked_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone NOT NULL,
    deleted_by text NOT NULL
);

ALTER TABLE store.deleted_product OWNER TO inventory_owner;

COMMENT ON TABLE store.deleted_product IS 'Products that were deleted: their movements, cost layers and prices stay, and these rows say whose they were.';

COMMENT ON COLUMN store.deleted_product.stocked_at IS 'Since when it had an inventory; null: it had none.';

CREATE VIEW store.product_ever AS
 SELECT p.id,
    p.sku_id,
    p.sku,
    p.name
   FROM store.product p
UNION ALL
 SELECT d.id,
    d.sku_id,
    d.sku,
    d.name
   FROM store.deleted_product d;

ALTER TABLE store.product_ever OWNER TO inventory_owner;

COMMENT ON VIEW store.product_ever IS 'All products, including deleted ones, whose rows are still in the ledger.';

COMMENT ON COLUMN store.product_ever.id IS 'Integer id of the product.';

COMMENT ON COLUMN store.product_ever.sku_id IS 'The product''s UUID.';

COMMENT ON COLUMN store.product_ever.sku IS 'The product''s code. Another product may now have the code of a deleted product.';

COMMENT ON COLUMN store.product_ever.name IS 'The product''s name.';

CREATE VIEW store.change AS
 SELECT m.feed_key,
    m.id AS feed_id,
    'movement'::text AS type,
    m.product_id,
    m.actor,
    m.occurred_at,
    m.created_at,
    json_build_object('id', m.id, 'number', m.number, 'kind', m.kind, 'on_hand_before', trim_scale(m.on_hand_before), 'on_hand_after', trim_scale(m.on_hand_after), 'reserved_before', trim_scale(m.reserved_before), 'reserved_after', trim_scale(m.reserved_after), 'blocked_before', trim_scale(m.blocked_before), 'blocked_after', trim_scale(m.blocked_after), 'available_before', trim_scale(GREATEST(((m.on_hand_before - m.reserved_before) - m.blocked_before), (0)::numeric)), 'available_after', trim_scale(GREATEST(((m.on_hand_after - m.reserved_after) - m.blocked_after), (0)::numeric)), 'reference', m.reference, 'reason', m.reason) AS data
   FROM store.movement m
UNION ALL
 SELECT a.feed_key,
    a.feed_id,
    a.subject AS type,
    a.product_id,
    a.actor,
    a.created_at AS occurred_at,
    a.created_at,
    json_build_object('action', a.action, 'id', a.subject_id, 'before', a.before, 'after', a.after) AS data
   FROM store.audit a;

ALTER TABLE store.change OWNER TO inventory_owner;

COMMENT ON VIEW store.change IS 'The change feed: movements, and the changes of products, inventories, prices and ends of blocks, with their position. A kit''s
own movements have on hand 0 and so none available: how many kits are available follows from their parts.

A query adds feed_key > 0: rows with 0 are not in the feed. With that condition in the view, PostgreSQL would not read in the
order of the indexes: each page would sort the rest of the feed.';

CREATE TABLE store.setting (
    singleton boolean DEFAULT true NOT NULL,
    block_duration interval DEFAULT '00:15:00'::interval NOT NULL,
    block_duration_maximum interval DEFAULT '30 days'::interval NOT NULL,
    idempotency_lifetime interval DEFAULT '24:00:00'::interval NOT NULL,
    password_cost integer DEFAULT 10 NOT NULL,
    password_length_minimum integer DEFAULT 8 NOT NULL,
    feed_base bigint DEFAULT 0 NOT NULL,
    CONSTRAINT setting_block_duration_maximum_range CHECK ((block_duration_maximum <= '3650 days'::interval)),
    CONSTRAINT setting_block_duration_range CHECK (((block_duration > '00:00:00'::interval) AND (block_duration <= block_duration_maximum))),
    CONSTRAINT setting_idempotency_lifetime_range CHECK (((idempotency_lifetime > '00:00:00'::interval) AND (idempotency_lifetime <= '365 days'::interval))),
    CONSTRAINT setting_one_row CHECK (singleton),
    CONSTRAINT setting_password_cost_range CHECK (((password_cost >= 4) AND (password_cost <= 16))),
    CONSTRAINT setting_password_length_minimum_range CHECK (((password_length_minimum >= 1) AND (password_length_minimum <= 1024)))
);

ALTER TABLE store.setting OWNER TO inventory_owner;

COMMENT ON TABLE store.setting IS 'One row: what an operator may tune at run time, through maintenance.configure().';

COMMENT ON COLUMN store.setting.block_duration IS 'How long a temporary block lasts whose caller names no end.';

COMMENT ON COLUMN store.setting.block_duration_maximum IS 'No block lasts longer, extensions included.';

COMMENT ON COLUMN store.setting.idempotency_lifetime IS 'How long an Idempotency-Key is remembered.';

COMMENT ON COLUMN store.setting.password_cost IS 'bcrypt''s cost for new password hashes: each step doubles the time.';

COMMENT ON COLUMN store.setting.password_length_minimum IS 'How many characters a new password has at least.';

COMMENT ON COLUMN store.setting.feed_base IS 'Added to the ids of transactions, so that they go on rising after a restore into another cluster (maintenance.continue_feed).';

CREATE TABLE store.deleted_flow (
    kind text NOT NULL,
    id bigint NOT NULL,
    product_id bigint NOT NULL,
    supplier_id bigint,
    movement_id bigint NOT NULL,
    quantity numeric(12,3) NOT NULL,
    description text,
    actor text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    deletion_movement_id bigint NOT NULL,
    deleted_by text NOT NULL,
    deleted_at timestamp with time zone NOT NULL,
    CONSTRAINT deleted_flow_kind_known CHECK ((kind = ANY ('{inflow,outflow}'::text[])))
);

ALTER TABLE store.deleted_flow OWNER TO inventory_owner;

COMMENT ON TABLE store.deleted_flow IS 'Inflows and outflows that were deleted, and the movements that undid them.';

ALTER TABLE store.art_operation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.art_operation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE store.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE store.brand ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.brand_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE store.category ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.category_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE store.cost_layer ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.cost_layer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE store.count ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.count_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE store.detached_month (
    name text NOT NULL,
    until timestamp with time zone NOT NULL,
    movements bigint NOT NULL,
    detached_at timestamp with time zone NOT NULL
);

ALTER TABLE store.detached_month OWNER TO inventory_owner;

COMMENT ON TABLE store.detached_month IS 'Partitions that maintenance.detach_movements() took out of the ledger: it begins where the last of them ends.';

CREATE TABLE store.idempotency_key (
    caller text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    request text NOT NULL,
    result json,
    error jsonb,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_key_one_outcome CHECK (((result IS NULL) OR (error IS NULL)))
)
WITH (autovacuum_vacuum_scale_factor='0.02');

ALTER TABLE store.idempotency_key OWNER TO inventory_owner;

COMMENT ON TABLE store.idempotency_key IS 'The first answer to each Idempotency-Key of each caller.';

COMMENT ON COLUMN store.idempotency_key.caller IS 'The role that was logged in, and whom it served.';

COMMENT ON COLUMN store.idempotency_key.request IS 'A keyed hash of method, path and body.';

COMMENT ON COLUMN store.idempotency_key.error IS 'A business error: sqlstate, message, detail, hint, constraint.';

CREATE SEQUENCE store.inflow_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE store.inflow_id_seq OWNER TO inventory_owner;

ALTER SEQUENCE store.inflow_id_seq OWNED BY store.inflow.id;

CREATE TABLE store.job (
    name text NOT NULL,
    scheduled_at timestamp with time zone,
    last_started_at timestamp with time zone,
    last_finished_at timestamp with time zone,
    last_count bigint,
    late_after interval DEFAULT '00:05:00'::interval NOT NULL,
    every interval,
    at interval,
    in_cron_since timestamp with time zone,
    cron_ran_at timestamp with time zone,
    is_unfinished boolean DEFAULT false NOT NULL,
    failed_at timestamp with time zone,
    last_error text
);

ALTER TABLE store.job OWNER TO inventory_owner;

COMMENT ON TABLE store.job IS 'The maintenance jobs: their schedule, and when they last ran. db/jobs.py lists them.';

COMMENT ON COLUMN store.job.scheduled_at IS 'When db/apply.py recorded its schedule.';

COMMENT ON COLUMN store.job.last_count IS 'How many rows the last run has dealt with.';

COMMENT ON COLUMN store.job.late_after IS 'A job that has not run for so long has stopped.';

COMMENT ON COLUMN store.job.every IS 'How often it is due. Written by db/apply.py, like at.';

COMMENT ON COLUMN store.job.at IS 'How long after midnight, GMT, or after the beginning of each period it is due.';

COMMENT ON COLUMN store.job.in_cron_since IS 'Since when pg_cron has it; null: pg_cron does not run here, or cannot run it.';

COMMENT ON COLUMN store.job.cron_ran_at IS 'When pg_cron, or a DBA, last ran it: not a server.';

COMMENT ON COLUMN store.job.is_unfinished IS 'Whether the last batch left work to do.';

COMMENT ON COLUMN store.job.failed_at IS 'When a server last tried to run it and failed; null: the last try succeeded.';

COMMENT ON COLUMN store.job.last_error IS 'The message of that failure.';

CREATE TABLE store.job_failure (
    job text NOT NULL,
    product_id bigint NOT NULL,
    failed_at timestamp with time zone NOT NULL,
    message text NOT NULL
);

ALTER TABLE store.job_failure OWNER TO inventory_owner;

COMMENT ON TABLE store.job_failure IS 'Products that a job could not deal with: it goes on with the others, and tries these again an hour later.';

ALTER TABLE store.location ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.location_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE SEQUENCE store.movement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE store.movement_id_seq OWNER TO inventory_owner;

ALTER SEQUENCE store.movement_id_seq OWNED BY store.movement.id;

CREATE TABLE store.movement_default (
    product_id bigint NOT NULL,
    id bigint DEFAULT nextval('store.movement_id_seq'::regclass) NOT NULL,
    kind text NOT NULL,
    on_hand_before numeric(12,3) NOT NULL,
    on_hand_after numeric(12,3) NOT NULL,
    reserved_before numeric(12,3) NOT NULL,
    reserved_after numeric(12,3) NOT NULL,
    blocked_before numeric(12,3) NOT NULL,
    blocked_after numeric(12,3) NOT NULL,
    cost numeric(32,3),
    reference text,
    reason text,
    actor text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    average_quantity numeric(12,3) DEFAULT 0 NOT NULL,
    average_value numeric(32,3) DEFAULT 0 NOT NULL,
    number bigint NOT NULL,
    written_by text,
    feed_key bigint DEFAULT 0 NOT NULL,
    CONSTRAINT movement_sound CHECK (inventory.movement_is_sound(kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before, blocked_after))
);

ALTER TABLE store.movement_default OWNER TO inventory_owner;

COMMENT ON TABLE store.movement_default IS 'Movements of months that have no partition: none is refused because one is missing. maintenance.make_partitions() moves them.';

COMMENT ON COLUMN store.movement_default.cost IS 'What an arrival brought or a departure took, from the cost layers; null: unknown, or nothing came or left.';

COMMENT ON COLUMN store.movement_default.reference IS 'What caused it, where that has an id (a block''s UUID, …).';

COMMENT ON COLUMN store.movement_default.actor IS 'Who: a user''s name, anonymous, or a database role.';

COMMENT ON COLUMN store.movement_default.occurred_at IS 'When it happened: for an expiry, the instant at which the block expired.';

COMMENT ON COLUMN store.movement_default.created_at IS 'When it was written.';

COMMENT ON COLUMN store.movement_default.average_quantity IS 'store.stock.average_quantity after it.';

COMMENT ON COLUMN store.movement_default.average_value IS 'store.stock.average_value after it.';

CREATE TABLE store.opening_balance (
    product_id bigint NOT NULL,
    movement_id bigint NOT NULL,
    on_hand numeric(12,3) NOT NULL,
    reserved numeric(12,3) NOT NULL,
    blocked numeric(12,3) NOT NULL,
    average_quantity numeric(12,3) NOT NULL,
    average_value numeric(32,3) NOT NULL,
    number bigint DEFAULT 0 NOT NULL,
    has_history boolean DEFAULT true NOT NULL
);

ALTER TABLE store.opening_balance OWNER TO inventory_owner;

COMMENT ON TABLE store.opening_balance IS 'What a product had after the last of its movements that were detached: what the ledger has of it begins there.';

COMMENT ON COLUMN store.opening_balance.movement_id IS 'That movement.';

COMMENT ON COLUMN store.opening_balance.number IS 'That movement''s number.';

COMMENT ON COLUMN store.opening_balance.has_history IS 'Whether one of the product''s detached movements was more than its first stock or a correction of it.';

CREATE SEQUENCE store.outflow_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE store.outflow_id_seq OWNER TO inventory_owner;

ALTER SEQUENCE store.outflow_id_seq OWNED BY store.outflow.id;

CREATE UNLOGGED TABLE store.password_key (
    id uuid NOT NULL,
    key bytea NOT NULL,
    made_at timestamp with time zone NOT NULL
);

ALTER TABLE store.password_key OWNER TO inventory_owner;

COMMENT ON TABLE store.password_key IS 'The keys of sealed passwords. Each is used for a minute and kept for ten.';

ALTER TABLE store.price ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.price_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE store.price_turn (
    product_id bigint NOT NULL,
    price_type text NOT NULL,
    at timestamp with time zone NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.01');

ALTER TABLE store.price_turn OWNER TO inventory_owner;

COMMENT ON TABLE store.price_turn IS 'The instants ahead at which a price rule begins or ends: what hangs on the active price is brought up to date then.';

ALTER TABLE store.product ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.product_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE SEQUENCE store.purchase_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE store.purchase_id_seq OWNER TO inventory_owner;

ALTER SEQUENCE store.purchase_id_seq OWNED BY store.purchase.id;

CREATE TABLE store.row_total (
    subject text NOT NULL,
    category_id bigint,
    brand_id bigint,
    delta bigint NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02');

ALTER TABLE store.row_total OWNER TO inventory_owner;

COMMENT ON TABLE store.row_total IS 'How many rows large lists have: their number is the sum of delta. Only ever inserted into by who adds or deletes a row, so
that none of them waits for another; summed up now and then.';

COMMENT ON COLUMN store.row_total.subject IS 'product, product by category and brand, inflow or outflow.';

COMMENT ON COLUMN store.row_total.category_id IS '0: none.';

COMMENT ON COLUMN store.row_total.brand_id IS '0: none.';

CREATE SEQUENCE store.sale_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE store.sale_id_seq OWNER TO inventory_owner;

ALTER SEQUENCE store.sale_id_seq OWNED BY store.sale.id;

CREATE SEQUENCE store.sku_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE store.sku_seq OWNER TO inventory_owner;

COMMENT ON SEQUENCE store.sku_seq IS 'Numbers the codes of products that are made without one.';

ALTER TABLE store.supplier ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.supplier_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE store.unit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.unit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE store.user_account ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.user_account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE store.verification (
    singleton boolean DEFAULT true NOT NULL,
    next_product_id bigint,
    started_at timestamp with time zone,
    differences bigint DEFAULT 0 NOT NULL,
    last_finished_at timestamp with time zone,
    last_differences bigint,
    CONSTRAINT verification_one_row CHECK (singleton)
);

ALTER TABLE store.verification OWNER TO inventory_owner;

COMMENT ON TABLE store.verification IS 'One row: how far maintenance.verify_next() has come, and what it found.';

COMMENT ON COLUMN store.verification.next_product_id IS 'Where the pass that is under way goes on; null: none is.';

COMMENT ON COLUMN store.verification.started_at IS 'When that pass, or else the last one, began.';

COMMENT ON COLUMN store.verification.differences IS 'How many differences it has found so far.';

COMMENT ON COLUMN store.verification.last_finished_at IS 'When the last pass over all products ended.';

COMMENT ON COLUMN store.verification.last_differences IS 'How many differences that one found.';

ALTER TABLE store.webhook_delivery ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.webhook_delivery_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE store.webhook ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME store.webhook_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE store.webhook_position (
    webhook_id bigint NOT NULL,
    feed_key bigint NOT NULL,
    feed_id bigint NOT NULL,
    told_at timestamp with time zone
);

ALTER TABLE store.webhook_position OWNER TO inventory_owner;

COMMENT ON TABLE store.webhook_position IS 'How far in the change feed each endpoint has been told of the changes of stock. These are not columns of store.webhook, because
senders lock its rows to claim deliveries.';

COMMENT ON COLUMN store.webhook_position.feed_key IS 'With feed_id, the position: movements after it have not been told.';

COMMENT ON COLUMN store.webhook_position.told_at IS 'When movements were last told; null: not yet.';

ALTER TABLE ONLY store.movement ATTACH PARTITION store.movement_default DEFAULT;

ALTER TABLE ONLY store.inflow ALTER COLUMN id SET DEFAULT nextval('store.inflow_id_seq'::regclass);

ALTER TABLE ONLY store.movement ALTER COLUMN id SET DEFAULT nextval('store.movement_id_seq'::regclass);

ALTER TABLE ONLY store.outflow ALTER COLUMN id SET DEFAULT nextval('store.outflow_id_seq'::regclass);

ALTER TABLE ONLY store.purchase ALTER COLUMN id SET DEFAULT nextval('store.purchase_id_seq'::regclass);

ALTER TABLE ONLY store.sale ALTER COLUMN id SET DEFAULT nextval('store.sale_id_seq'::regclass);

ALTER TABLE ONLY store.art_operation
    ADD CONSTRAINT art_operation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.block
    ADD CONSTRAINT block_pkey PRIMARY KEY (id, product_id);

ALTER TABLE ONLY store.brand
    ADD CONSTRAINT brand_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.category
    ADD CONSTRAINT category_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.cost_layer
    ADD CONSTRAINT cost_layer_pkey PRIMARY KEY (product_id, id);

ALTER TABLE ONLY store.cost_layer_use
    ADD CONSTRAINT cost_layer_use_pkey PRIMARY KEY (product_id, movement_id, layer_id);

ALTER TABLE ONLY store.count_line
    ADD CONSTRAINT count_line_pkey PRIMARY KEY (count_id, product_id);

ALTER TABLE ONLY store.count
    ADD CONSTRAINT count_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.deleted_flow
    ADD CONSTRAINT deleted_flow_pkey PRIMARY KEY (kind, id);

ALTER TABLE ONLY store.deleted_product
    ADD CONSTRAINT deleted_product_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.detached_month
    ADD CONSTRAINT detached_month_pkey PRIMARY KEY (name);

ALTER TABLE ONLY store.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);

ALTER TABLE store.event
    ADD CONSTRAINT event_type_known CHECK ((type = ANY ('{outflow.created,inflow.created,stock.low,stock.changed,stock.available,stock.sold_out,block.expired,price.changed}'::text[]))) NOT VALID;

ALTER TABLE ONLY store.idempotency_key
    ADD CONSTRAINT idempotency_key_pkey PRIMARY KEY (caller, key);

ALTER TABLE ONLY store.inflow
    ADD CONSTRAINT inflow_pkey PRIMARY KEY (product_id, id);

ALTER TABLE ONLY store.job_failure
    ADD CONSTRAINT job_failure_pkey PRIMARY KEY (job, product_id);

ALTER TABLE ONLY store.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (name);

ALTER TABLE ONLY store.kit_part
    ADD CONSTRAINT kit_part_pkey PRIMARY KEY (kit_id, part_id);

ALTER TABLE ONLY store.location
    ADD CONSTRAINT location_code_key UNIQUE (code);

ALTER TABLE ONLY store.location_movement
    ADD CONSTRAINT location_movement_pkey PRIMARY KEY (product_id, movement_id, location_id);

ALTER TABLE ONLY store.location
    ADD CONSTRAINT location_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.location_stock
    ADD CONSTRAINT location_stock_pkey PRIMARY KEY (product_id, location_id);

ALTER TABLE ONLY store.movement_default
    ADD CONSTRAINT movement_default_pkey PRIMARY KEY (product_id, number);

ALTER TABLE ONLY store.opening_balance
    ADD CONSTRAINT opening_balance_pkey PRIMARY KEY (product_id);

ALTER TABLE ONLY store.outflow
    ADD CONSTRAINT outflow_pkey PRIMARY KEY (product_id, id);

ALTER TABLE ONLY store.password_key
    ADD CONSTRAINT password_key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.price
    ADD CONSTRAINT price_pkey PRIMARY KEY (product_id, id);

ALTER TABLE ONLY store.price_turn
    ADD CONSTRAINT price_turn_pkey PRIMARY KEY (product_id, price_type, at);

ALTER TABLE ONLY store.product
    ADD CONSTRAINT product_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.product
    ADD CONSTRAINT product_sku_id_key UNIQUE (sku_id);

ALTER TABLE ONLY store.product
    ADD CONSTRAINT product_sku_key UNIQUE (sku);

ALTER TABLE ONLY store.purchase
    ADD CONSTRAINT purchase_pkey PRIMARY KEY (product_id, number);

ALTER TABLE ONLY store.sale_part
    ADD CONSTRAINT sale_part_pkey PRIMARY KEY (sale_id, part_id);

ALTER TABLE ONLY store.sale
    ADD CONSTRAINT sale_pkey PRIMARY KEY (product_id, number);

ALTER TABLE ONLY store.seal
    ADD CONSTRAINT seal_hour_part_key UNIQUE (hour, part);

ALTER TABLE ONLY store.seal
    ADD CONSTRAINT seal_pkey PRIMARY KEY (number);

ALTER TABLE ONLY store.setting
    ADD CONSTRAINT setting_pkey PRIMARY KEY (singleton);

ALTER TABLE ONLY store.stock_count
    ADD CONSTRAINT stock_count_pkey PRIMARY KEY (product_id, counted_at);

ALTER TABLE ONLY store.stock
    ADD CONSTRAINT stock_pkey PRIMARY KEY (product_id);

ALTER TABLE store.stock
    ADD CONSTRAINT stock_sound CHECK (inventory.stock_is_sound(on_hand, reserved, blocked, located, average_quantity, average_value, reorder_point, status, is_kit, kit_reserved)) NOT VALID;

ALTER TABLE ONLY store.supplier
    ADD CONSTRAINT supplier_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.unit
    ADD CONSTRAINT unit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.user_account
    ADD CONSTRAINT user_account_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.verification
    ADD CONSTRAINT verification_pkey PRIMARY KEY (singleton);

ALTER TABLE ONLY store.webhook_delivery
    ADD CONSTRAINT webhook_delivery_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.webhook
    ADD CONSTRAINT webhook_pkey PRIMARY KEY (id);

ALTER TABLE ONLY store.webhook_position
    ADD CONSTRAINT webhook_position_pkey PRIMARY KEY (webhook_id);

CREATE INDEX art_operation_created_idx ON store.art_operation USING brin (created_at) WITH (autosummarize='on');

CREATE INDEX art_operation_from_idx ON store.art_operation USING btree (from_location, id) WHERE (from_location IS NOT NULL);

CREATE INDEX art_operation_product_idx ON store.art_operation USING btree (product_id);

CREATE INDEX art_operation_sku_idx ON store.art_operation USING btree (sku, id);

CREATE INDEX art_operation_to_idx ON store.art_operation USING btree (to_location, id) WHERE (to_location IS NOT NULL);

CREATE INDEX art_operation_type_idx ON store.art_operation USING btree (operation_type, id);

CREATE INDEX audit_feed_idx ON store.audit USING btree (feed_key, feed_id) WHERE (feed_key > '0'::bigint);

CREATE INDEX audit_product_idx ON store.audit USING btree (product_id, id) WHERE (product_id IS NOT NULL);

CREATE INDEX audit_subject_idx ON store.audit USING btree (subject, subject_id, id);

CREATE INDEX block_active_expiry_idx ON store.block USING btree (expires_at) WHERE (status = 'active'::text);

CREATE INDEX block_active_idx ON store.block USING btree (id) WHERE (status = 'active'::text);

CREATE INDEX block_active_product_idx ON store.block USING btree (product_id, expires_at) WHERE (status = 'active'::text);

CREATE INDEX block_kit_block_id_idx ON store.block USING btree (kit_block_id) WHERE (kit_block_id IS NOT NULL);

CREATE INDEX block_owner_idx ON store.block USING btree (owner, is_held, id) WHERE (owner IS NOT NULL);

CREATE UNIQUE INDEX brand_name_key ON store.brand USING btree (lower(name));

CREATE UNIQUE INDEX category_name_key ON store.category USING btree (lower(name));

CREATE INDEX cost_layer_open_idx ON store.cost_layer USING btree (product_id, number) WHERE is_open;

CREATE INDEX cost_layer_use_layer_idx ON store.cost_layer_use USING btree (product_id, layer_id);

CREATE INDEX cost_layer_use_returns_idx ON store.cost_layer_use USING btree (product_id, returns_movement_id) WHERE (returns_movement_id IS NOT NULL);

CREATE INDEX count_line_product_idx ON store.count_line USING btree (product_id);

CREATE INDEX count_location_idx ON store.count USING btree (location_id, id);

CREATE UNIQUE INDEX count_open_key ON store.count USING btree (location_id) WHERE (status = 'open'::text);

CREATE INDEX deleted_flow_product_idx ON store.deleted_flow USING btree (product_id);

CREATE INDEX idempotency_key_created_idx ON store.idempotency_key USING btree (created_at);

CREATE INDEX inflow_created_idx ON store.inflow USING btree (created_at, id);

CREATE UNIQUE INDEX inflow_id_key ON store.inflow USING btree (id);

CREATE INDEX inflow_supplier_idx ON store.inflow USING btree (supplier_id, id);

CREATE INDEX kit_part_part_id_idx ON store.kit_part USING btree (part_id);

CREATE INDEX location_stock_location_idx ON store.location_stock USING btree (location_id, product_id);

CREATE INDEX movement_feed_idx ON ONLY store.movement USING btree (feed_key, id) WHERE (feed_key > '0'::bigint);

CREATE INDEX movement_default_created_at_idx ON store.movement_default USING brin (created_at) WITH (pages_per_range='32', autosummarize='on');

CREATE INDEX movement_default_feed_key_id_idx ON store.movement_default USING btree (feed_key, id) WHERE (feed_key > '0'::bigint);

CREATE INDEX outflow_created_idx ON store.outflow USING btree (created_at, id);

CREATE UNIQUE INDEX outflow_id_key ON store.outflow USING btree (id);

CREATE INDEX price_active_idx ON store.price USING btree (product_id, price_type, effective_from DESC, id DESC);

CREATE INDEX price_product_idx ON store.price USING btree (product_id, effective_from DESC, id DESC);

CREATE INDEX price_turn_at_idx ON store.price_turn USING btree (at);

CREATE INDEX product_brand_idx ON store.product USING btree (brand_id, retail_price, id);

CREATE INDEX product_category_idx ON store.product USING btree (category_id, retail_price, id);

CREATE INDEX product_created_idx ON store.product USING btree (created_at, id);

CREATE INDEX product_name_idx ON store.product USING btree (name, id);

CREATE INDEX product_retail_price_idx ON store.product USING btree (retail_price, id);

CREATE INDEX product_search_idx ON store.product USING gin (translate(lower((name COLLATE "und-x-icu")), 'ςı̇'::text, 'σi'::text) extensions.gin_trgm_ops, translate(lower((sku COLLATE "und-x-icu")), 'ςı̇'::text, 'σi'::text) extensions.gin_trgm_ops);

CREATE INDEX product_sku_folded_idx ON store.product USING btree (translate(lower((sku COLLATE "und-x-icu")), 'ςı̇'::text, 'σi'::text) COLLATE "C");

CREATE INDEX purchase_created_idx ON store.purchase USING btree (created_at, id);

CREATE INDEX purchase_id_idx ON store.purchase USING btree (id);

CREATE INDEX purchase_product_created_idx ON store.purchase USING btree (product_id, created_at, id);

CREATE INDEX purchase_supplier_created_idx ON store.purchase USING btree (supplier_id, created_at, id);

CREATE INDEX row_total_brand_idx ON store.row_total USING btree (subject, brand_id) INCLUDE (category_id, delta);

CREATE INDEX row_total_subject_idx ON store.row_total USING btree (subject, category_id, brand_id) INCLUDE (delta);

CREATE INDEX sale_created_idx ON store.sale USING btree (created_at, id);

CREATE INDEX sale_id_idx ON store.sale USING btree (id);

CREATE INDEX sale_part_kit_id_idx ON store.sale_part USING btree (kit_id);

CREATE INDEX sale_part_part_id_idx ON store.sale_part USING btree (part_id);

CREATE INDEX sale_product_created_idx ON store.sale USING btree (product_id, created_at, id);

CREATE INDEX sale_returned_idx ON store.sale USING btree (product_id, returned_sale_id) WHERE (returned_sale_id IS NOT NULL);

CREATE INDEX stock_low_idx ON store.stock USING btree (product_id) WHERE is_low;

CREATE INDEX stock_status_idx ON store.stock USING btree (status, product_id);

CREATE UNIQUE INDEX supplier_email_key ON store.supplier USING btree (lower(email));

CREATE INDEX supplier_name_idx ON store.supplier USING btree (name, id);

CREATE INDEX supplier_search_idx ON store.supplier USING gin (translate(lower((name COLLATE "und-x-icu")), 'ςı̇'::text, 'σi'::text) extensions.gin_trgm_ops);

CREATE UNIQUE INDEX unit_name_key ON store.unit USING btree (lower(name));

CREATE UNIQUE INDEX user_account_username_key ON store.user_account USING btree (lower(username));

CREATE INDEX webhook_delivery_due_idx ON store.webhook_delivery USING btree (webhook_id, next_attempt_at) WHERE (next_attempt_at IS NOT NULL);

CREATE INDEX webhook_delivery_event_idx ON store.webhook_delivery USING btree (event_id);

CREATE INDEX webhook_delivery_finished_idx ON store.webhook_delivery USING btree (status, finished_at) WHERE (finished_at IS NOT NULL);

CREATE INDEX webhook_delivery_leased_idx ON store.webhook_delivery USING btree (webhook_id, leased_until) WHERE (leased_until IS NOT NULL);

CREATE INDEX webhook_delivery_list_idx ON store.webhook_delivery USING btree (webhook_id, id);

CREATE INDEX webhook_delivery_status_idx ON store.webhook_delivery USING btree (webhook_id, status, id);

ALTER INDEX store.movement_feed_idx ATTACH PARTITION store.movement_default_feed_key_id_idx;

ALTER TABLE ONLY store.count_line
    ADD CONSTRAINT count_line_count_id_fkey FOREIGN KEY (count_id) REFERENCES store.count(id);

ALTER TABLE ONLY store.count_line
    ADD CONSTRAINT count_line_operation_id_fkey FOREIGN KEY (operation_id) REFERENCES store.art_operation(id);

ALTER TABLE ONLY store.count_line
    ADD CONSTRAINT count_line_product_id_fkey FOREIGN KEY (product_id) REFERENCES store.product(id);

ALTER TABLE ONLY store.count
    ADD CONSTRAINT count_location_id_fkey FOREIGN KEY (location_id) REFERENCES store.location(id);

ALTER TABLE ONLY store.inflow
    ADD CONSTRAINT inflow_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES store.supplier(id);

ALTER TABLE ONLY store.job_failure
    ADD CONSTRAINT job_failure_job_fkey FOREIGN KEY (job) REFERENCES store.job(name);

ALTER TABLE ONLY store.kit_part
    ADD CONSTRAINT kit_part_kit_id_fkey FOREIGN KEY (kit_id) REFERENCES store.product(id) ON DELETE CASCADE;

ALTER TABLE ONLY store.kit_part
    ADD CONSTRAINT kit_part_part_id_fkey FOREIGN KEY (part_id) REFERENCES store.product(id);

ALTER TABLE ONLY store.location_stock
    ADD CONSTRAINT location_stock_location_id_fkey FOREIGN KEY (location_id) REFERENCES store.location(id);

ALTER TABLE ONLY store.price_turn
    ADD CONSTRAINT price_turn_product_id_fkey FOREIGN KEY (product_id) REFERENCES store.product(id) ON DELETE CASCADE;

ALTER TABLE ONLY store.product
    ADD CONSTRAINT product_brand_id_fkey FOREIGN KEY (brand_id) REFERENCES store.brand(id);

ALTER TABLE ONLY store.product
    ADD CONSTRAINT product_category_id_fkey FOREIGN KEY (category_id) REFERENCES store.category(id);

ALTER TABLE ONLY store.purchase
    ADD CONSTRAINT purchase_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES store.supplier(id);

ALTER TABLE ONLY store.sale_part
    ADD CONSTRAINT sale_part_kit_id_fkey FOREIGN KEY (kit_id) REFERENCES store.product(id);

ALTER TABLE ONLY store.sale_part
    ADD CONSTRAINT sale_part_part_id_fkey FOREIGN KEY (part_id) REFERENCES store.product(id);

ALTER TABLE ONLY store.stock_count
    ADD CONSTRAINT stock_count_product_id_fkey FOREIGN KEY (product_id) REFERENCES store.product(id) ON DELETE CASCADE;

ALTER TABLE ONLY store.stock
    ADD CONSTRAINT stock_product_id_fkey FOREIGN KEY (product_id) REFERENCES store.product(id);

ALTER TABLE ONLY store.stock
    ADD CONSTRAINT stock_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES store.unit(id);

REVOKE ALL ON TYPE inventory.art_quantity FROM PUBLIC;

REVOKE ALL ON TYPE inventory.art_reason FROM PUBLIC;

REVOKE ALL ON TYPE inventory.art_sku FROM PUBLIC;

REVOKE ALL ON TYPE inventory.art_type FROM PUBLIC;

REVOKE ALL ON TYPE inventory.location_code FROM PUBLIC;

REVOKE ALL ON TYPE inventory.art_order FROM PUBLIC;

REVOKE ALL ON TYPE inventory.art_orders FROM PUBLIC;

REVOKE ALL ON TYPE inventory.positive_quantity FROM PUBLIC;

REVOKE ALL ON TYPE inventory.block_line FROM PUBLIC;

REVOKE ALL ON TYPE inventory.block_lines FROM PUBLIC;

REVOKE ALL ON TYPE inventory.block_order FROM PUBLIC;

REVOKE ALL ON TYPE inventory.catalog_money FROM PUBLIC;

REVOKE ALL ON TYPE inventory.change FROM PUBLIC;

REVOKE ALL ON TYPE inventory.count_quantity FROM PUBLIC;

REVOKE ALL ON TYPE inventory.count_found FROM PUBLIC;

REVOKE ALL ON TYPE inventory.count_lines FROM PUBLIC;

REVOKE ALL ON TYPE inventory.count_status FROM PUBLIC;

REVOKE ALL ON TYPE inventory.day_count FROM PUBLIC;

REVOKE ALL ON TYPE inventory.delivery_status FROM PUBLIC;

REVOKE ALL ON TYPE inventory.description FROM PUBLIC;

REVOKE ALL ON TYPE inventory.email FROM PUBLIC;

REVOKE ALL ON TYPE inventory.hold_lines FROM PUBLIC;

REVOKE ALL ON TYPE inventory.hold_owner FROM PUBLIC;

REVOKE ALL ON TYPE inventory.iso_time FROM PUBLIC;

REVOKE ALL ON TYPE inventory.kit_parts FROM PUBLIC;

REVOKE ALL ON TYPE inventory.money FROM PUBLIC;

REVOKE ALL ON TYPE inventory.movement_kind FROM PUBLIC;

REVOKE ALL ON TYPE inventory.name FROM PUBLIC;

REVOKE ALL ON TYPE inventory.overlap_seconds FROM PUBLIC;

REVOKE ALL ON TYPE inventory.page_limit FROM PUBLIC;

REVOKE ALL ON TYPE inventory.page_number FROM PUBLIC;

REVOKE ALL ON TYPE inventory.password FROM PUBLIC;

REVOKE ALL ON TYPE inventory.per_page FROM PUBLIC;

REVOKE ALL ON TYPE inventory.phone_number FROM PUBLIC;

REVOKE ALL ON TYPE inventory.positive_whole_quantity FROM PUBLIC;

REVOKE ALL ON TYPE inventory.posted FROM PUBLIC;

REVOKE ALL ON TYPE inventory.posting FROM PUBLIC;

REVOKE ALL ON TYPE inventory.price_type FROM PUBLIC;

REVOKE ALL ON TYPE inventory.product_reference FROM PUBLIC;

REVOKE ALL ON TYPE inventory.product_summary FROM PUBLIC;

REVOKE ALL ON TYPE inventory.product_title FROM PUBLIC;

REVOKE ALL ON TYPE inventory.quantity FROM PUBLIC;

REVOKE ALL ON TYPE inventory.reason FROM PUBLIC;

REVOKE ALL ON TYPE inventory.reference FROM PUBLIC;

REVOKE ALL ON TYPE inventory.related_id FROM PUBLIC;

REVOKE ALL ON TYPE inventory.search_text FROM PUBLIC;

REVOKE ALL ON TYPE inventory.serial_number FROM PUBLIC;

REVOKE ALL ON TYPE inventory.sku_code FROM PUBLIC;

REVOKE ALL ON TYPE inventory.stock_found FROM PUBLIC;

REVOKE ALL ON TYPE inventory.stock_findings FROM PUBLIC;

REVOKE ALL ON TYPE inventory.stock_state FROM PUBLIC;

REVOKE ALL ON TYPE inventory.stock_status FROM PUBLIC;

REVOKE ALL ON TYPE inventory.time_zone FROM PUBLIC;

REVOKE ALL ON TYPE inventory.unit_symbol FROM PUBLIC;

REVOKE ALL ON TYPE inventory.user_info FROM PUBLIC;

REVOKE ALL ON TYPE inventory.user_role FROM PUBLIC;

REVOKE ALL ON TYPE inventory.username FROM PUBLIC;

REVOKE ALL ON TYPE inventory.webhook_event FROM PUBLIC;

REVOKE ALL ON TYPE inventory.webhook_events FROM PUBLIC;

REVOKE ALL ON TYPE inventory.webhook_info FROM PUBLIC;

REVOKE ALL ON TYPE inventory.webhook_url FROM PUBLIC;

REVOKE ALL ON TYPE inventory.whole_quantity FROM PUBLIC;
