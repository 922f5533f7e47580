create or replace function inventory.require_expected(p_product_id bigint, p_expected text)
returns void
language plpgsql
volatile
as $$
declare
    v_tag text;
begin
    if p_product_id is null then
        return;
    end if;
    if p_expected = '*' then
        perform inventory.require_product(p_product_id);
        return;
    end if;
    perform inventory.lock_with_parts(array[p_product_id]);
    perform from store.product as p where p.id = p_product_id for no key update;
    -- It reads the clock, and what the previous holders of the locks have written.
    v_tag := inventory.product_tag(p_product_id);
    if v_tag <> all(string_to_array(replace(p_expected, ' ', ''), ',')) then
        raise exception using
            errcode = 'IV047', -- PRECONDITION_FAILED
            message = format('The product has changed: its tag is %s.', v_tag),
            detail = jsonb_build_object('tag', v_tag),
            hint = 'Look again, and decide anew.';
    end if;
end;
$$;

comment on function inventory.require_expected(bigint, text) is
'Refuse a call for a product whose tag (inventory.product_tag) is none of those that the caller expects.

p_expected: a tag, or several with commas between them, or * for any. p_product_id null: nothing is checked, and the caller
refuses what it was called for. Locks the product''s stock row (and those of a kit''s parts), then its row, so that the tag can
only change by the passing of time until the transaction ends; * locks nothing. Errors: PRODUCT_NOT_FOUND; PRECONDITION_FAILED
with the present tag in the DETAIL.';
