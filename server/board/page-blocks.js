/** The active blocks: those that end next come first, and count down. */

import { blockActions } from "./actions.js";
import { get } from "./api.js";
import { h } from "./dom.js";
import { badge, button, countdown, productLink, table, timeAt, withUnit } from "./parts.js";
import { quantity, t } from "./texts.js";

const PER_PAGE = 50;
const MOST_AT_ONCE = 1000;

export const title = () => t("place.blocks");

export async function load({ query, signal, pages = 1 }) {
  const blocks = [];
  let answer;
  do {
    const last = blocks.at(-1);
    const limit = Math.min(MOST_AT_ONCE, pages * PER_PAGE - blocks.length);
    const after = last ? { after: last.block_id, after_expires_at: last.expires_at } : {};
    answer = await get("/temporary-blocks", { order: "expires_at", owner: query.owner, limit, ...after }, { signal });
    blocks.push(...answer.blocks);
    if (answer.blocks.length < limit) break;
  } while (blocks.length < pages * PER_PAGE);
  return { blocks, total: answer.total };
}

export const until = ({ blocks }) => blocks.slice(0, 1).map((block) => block.expires_at);

export function render({ blocks, total }, context) {
  const { owner } = context.query;
  return [
    h("div.head", [
      h("h1", t("place.blocks")),
      h("form.filter", { role: "search", onsubmit: (event) => filter(event, context) }, [
        h("input", { name: "owner", type: "search", "aria-label": t("blocks.owner"), placeholder: t("blocks.owner"), value: owner, maxlength: 64, autocomplete: "off" }),
        h("button", { type: "submit" }, t("blocks.find")),
      ]),
    ]),
    h("p.quiet", { role: "status" }, t(owner ? "blocks.of_owner" : "blocks.total", { count: total, number: quantity(total), owner })),
    blocks.length ? h("section.card.flush.blocks", table(t("place.blocks"), columns(context), blocks, (block) => block.block_id)) : null,
    blocks.length < Number(total) && h("div.more", button(t("list.more"), () => {
      context.pages = (context.pages ?? 1) + 1;
      return context.again();
    })),
  ];
}

function filter(event, context) {
  event.preventDefault();
  const owner = event.target.elements.owner.value.trim();
  if (owner !== (context.query.owner ?? "")) context.go(owner ? `/blocks?${new URLSearchParams({ owner })}` : "/blocks");
}

const columns = (context) => [
  { title: t("blocks.product"), class: "wide", cell: (block) => [productLink(block), h("span.code.quiet", block.sku_code), block.kit_block_id && badge(t("blocks.of_kit"))] },
  { title: t("blocks.quantity"), class: "number strong line", cell: (block) => withUnit(block.quantity, block.unit) },
  { title: t("blocks.ends"), class: "number line", cell: (block) => [countdown(block.expires_at), h("div.hint", timeAt(block.expires_at))] },
  { title: t("blocks.for"), class: "line for", cell: (block) => [block.owner && ownerLink(block.owner), block.reason && h("div.hint", block.reason)] },
  { title: "", cell: (block) => !block.kit_block_id && h("div.actions", blockActions(block, context)) },
];

const ownerLink = (owner) => h("a", { href: `/board/blocks?${new URLSearchParams({ owner })}` }, owner);
