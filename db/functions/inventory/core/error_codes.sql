create or replace function inventory.error_codes()
returns table (sqlstate text, code text, meaning text)
language plpgsql
immutable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query values
        ('IV001', 'INSUFFICIENT_STOCK', 'Not enough is available'),
        ('IV002', 'INSUFFICIENT_RESERVED', 'Less is reserved than was to be released or consumed'),
        ('IV003', 'PRODUCT_NOT_FOUND', 'There is no such product'),
        ('IV004', 'BLOCK_NOT_FOUND', 'There is no such block'),
        ('IV005', 'DUPLICATE_SKU', 'The SKU code is taken'),
        ('IV006', 'BLOCK_EXPIRED', 'The block has expired'),
        ('IV007', 'BLOCK_CONVERTED', 'The block was converted'),
        ('IV008', 'BLOCK_CANCELLED', 'The block was cancelled'),
        ('IV009', 'BLOCK_QUANTITY_EXCEEDED', 'The block holds less than was to be converted'),
        ('IV010', 'INVENTORY_NOT_ACTIVE', 'The product''s inventory is inactive or archived'),
        ('IV011', 'QUANTITY_OUT_OF_RANGE', 'A balance would pass its limit'),
        ('IV012', 'IDEMPOTENCY_KEY_REUSED', 'The Idempotency-Key was used with another request'),
        ('IV013', 'IDEMPOTENCY_KEY_IN_USE', 'The first request with this Idempotency-Key is still running'),
        ('IV014', 'NO_ACTIVE_ACCOUNT', 'No active account has these credentials'),
        ('IV015', 'TOKEN_NOT_VALID', 'The token was given before a change that ended it'),
        ('IV016', 'USER_NOT_FOUND', 'There is no such user'),
        ('IV017', 'DUPLICATE_USERNAME', 'The username is taken'),
        ('IV018', 'PAGE_NOT_FOUND', 'The list has no such page'),
        ('IV019', 'INVENTORY_NOT_INITIALIZED', 'The product has no inventory yet'),
        ('IV020', 'INVENTORY_NOT_FOUND', 'The product has no inventory'),
        ('IV021', 'INVENTORY_ALREADY_INITIALIZED', 'The product''s inventory is initialized already'),
        ('IV022', 'UNIT_NOT_FOUND', 'There is no such unit'),
        ('IV023', 'SUPPLIER_NOT_FOUND', 'There is no such supplier'),
        ('IV024', 'BACKDATED_PRICE', 'The price would begin before the active one of its type began'),
        ('IV025', 'QUANTITY_CHANGED', 'Another quantity is on hand than was expected'),
        ('IV026', 'DUPLICATE_UNIT', 'The unit''s name is taken'),
        ('IV027', 'DUPLICATE_SUPPLIER_EMAIL', 'The supplier''s e-mail address is taken'),
        ('IV028', 'RETURN_EXCEEDS_DEPARTURE', 'More was to come back than is outside'),
        ('IV029', 'PRICE_NOT_FOUND', 'The product has no active price'),
        ('IV030', 'SALE_NOT_FOUND', 'There is no such sale'),
        ('IV031', 'LOCATION_NOT_FOUND', 'There is no such location'),
        ('IV032', 'COUNT_NOT_FOUND', 'There is no such count'),
        ('IV033', 'COUNT_OPEN', 'A count of the location is open'),
        ('IV034', 'COUNT_CLOSED', 'The count is closed or cancelled'),
        ('IV035', 'BRAND_NOT_FOUND', 'There is no such brand'),
        ('IV036', 'CATEGORY_NOT_FOUND', 'There is no such category'),
        ('IV037', 'DUPLICATE_BRAND', 'The brand''s name is taken'),
        ('IV038', 'DUPLICATE_CATEGORY', 'The category''s name is taken'),
        ('IV039', 'PROTECTED', 'Something still refers to what was to be deleted'),
        ('IV040', 'INFLOW_NOT_FOUND', 'There is no such inflow'),
        ('IV041', 'OUTFLOW_NOT_FOUND', 'There is no such outflow'),
        ('IV042', 'INFLOW_USED', 'Some of the inflow''s units have left'),
        ('IV043', 'LINES_REJECTED', 'Lines of an import cannot be taken'),
        ('IV044', 'WEBHOOK_NOT_FOUND', 'There is no such webhook endpoint'),
        ('IV045', 'DELIVERY_NOT_FOUND', 'The webhook endpoint has no such delivery'),
        ('IV046', 'TOO_MANY_LAYERS', 'The units are in more cost layers than one call may take from'),
        ('IV047', 'PRECONDITION_FAILED', 'The product has changed: it has another tag than was expected'),
        ('IV050', 'KIT_HOLDS_NO_STOCK', 'A kit has no units of its own: change the stock of its parts'),
        ('IV051', 'BLOCK_OF_KIT', 'The block belongs to the block of a kit, and ends with it'),
        ('IV052', 'KIT_IN_USE', 'The product has units or promises, so its parts cannot be changed'),
        ('IV053', 'KIT_NESTED', 'A kit would be a part of a kit'),
        ('IV054', 'KIT_NOT_WHOLE', 'Only a whole number of kits can be taken');
end;
$$;

comment on function inventory.error_codes() is
'The list of all business errors: the SQLSTATE, the code and the meaning of each.

A business error is raised with a message of one sentence, where useful with a DETAIL in JSON for programs and a HINT for people.
An argument out of its range is SQLSTATE 22023 with DETAIL {"field", "input"}; a value outside its domain is 23514 with the name
of the constraint.';

grant execute on function inventory.error_codes() to inventory_public;
