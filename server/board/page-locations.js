/** The locations: how much lies at each. */

import { get, may, Refusal } from "./api.js";
import { h } from "./dom.js";
import { button, link, live, quiet, table } from "./parts.js";
import { quantity, t } from "./texts.js";

const PER_PAGE = 1000;

export const title = () => t("place.locations");

export async function load(context) {
  if (!may("list_locations")) throw new Refusal(403, { code: "PERMISSION_DENIED" });
  const begins = prefixOf(context.query.q ?? "");
  const locations = [];
  let after = before(begins);
  let total;
  let hasMore = true;
  for (let page = 0; page < (context.pages ?? 1) && hasMore; page++) {
    const answer = await get("/api/v1/locations", { limit: PER_PAGE, after }, { signal: context.signal });
    const found = answer.locations.filter((one) => one.code.startsWith(begins));
    locations.push(...found);
    total = answer.total;
    after = answer.locations.at(-1)?.code;
    hasMore = answer.locations.length === PER_PAGE && found.length === PER_PAGE;
  }
  return { locations, total, hasMore };
}

/** What a code begins with that somebody types: "a1 01", "A101" and "rack-a1-01" are "RACK-A1-01". */
function prefixOf(text) {
  const plain = text.toUpperCase().replace(/[^A-Z0-9]/g, "");
  const rest = plain.length > 1 && "RACK".startsWith(plain) ? "" : plain.replace(/^RACK/, "");
  const [, section, position] = /^([A-Z]?[0-9]?)(.*)$/.exec(rest);
  return `RACK-${section}${position && "-"}${position}`;
}

/** A code before all that begin so: the list goes on after it. undefined: they are the first ones. */
function before(begins) {
  const [section, number] = begins.slice("RACK-".length);
  if (!/[A-Z]/.test(section ?? "")) return undefined;
  if (number > "0") return `RACK-${section}${number - 1}-99`;
  return section > "A" ? `RACK-${String.fromCharCode(section.charCodeAt() - 1)}9-99` : undefined;
}

export function render({ locations, total, hasMore }, context) {
  const { q = "" } = context.query;
  return [
    h("div.head", [
      h("h1", t("place.locations")),
      h("div.narrow", h("input", {
        type: "search", name: "filter", value: q, autocomplete: "off", spellcheck: "false", placeholder: t("locations.filter"), "aria-label": t("locations.filter"),
        oninput: ({ target }) => context.go(target.value.trim() ? `/locations?q=${encodeURIComponent(target.value.trim())}` : "/locations", { replace: true }),
      })),
    ]),
    h("p.quiet", { role: "status" }, q ? t("locations.found", { count: locations.length, total: quantity(total) }) : t("locations.total", { count: total })),
    locations.length ? h("section.card.flush", table(t("place.locations"), columns(mostOf(locations)), locations, (one) => one.code)) : quiet(t(q ? "locations.none_found" : "locations.none", { q })),
    hasMore && h("div.more", button(t("list.more"), () => {
      context.pages = (context.pages ?? 1) + 1;
      context.again();
    })),
  ];
}

const mostOf = (locations) => Math.max(...locations.map((one) => Number(one.quantity)), 1);

const columns = (most) => [
  { title: t("locations.location"), class: "wide code", cell: (one) => link(`/locations/${one.code}`, one.code) },
  { title: t("locations.products"), class: "number", cell: (one) => live(quantity(one.products)) },
  { title: t("locations.quantity"), class: "number strong", cell: (one) => live(quantity(one.quantity)) },
  { title: "", class: "graph", cell: (one) => h("div.bar.share", { "aria-hidden": "true" }, h("i", { style: { width: `${(100 * Number(one.quantity)) / most}%` } })) },
];
