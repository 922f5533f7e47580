/**
 * A bar chart: an amount for each of some days, and a part of it.
 *
 * The bars are SVG and lie by percentages, so nothing is measured; the words are HTML. A reader hears the chart as a slider
 * through the bars. The values in the legend are those of the bar under the pointer or the keyboard, else of the last one.
 */

import { roundStep, slider } from "./chart.js";
import { h, patch, svg } from "./dom.js";
import { table } from "./parts.js";
import { compact, t } from "./texts.js";

const chosen = new Map(); // of charts by their key: the id of the bar that is looked at

/**
 * @typedef {object} Chart
 * @property {string} key
 * @property {string} label      what the chart shows
 * @property {string} heading    what a bar is, over the names of the bars
 * @property {{id: string, label: string, values: object}[]} bars  in order; values are text, null where it is not known
 * @property {{name: string, label: string, format: (text: string|null) => string}[]} series  the amount; the part of it
 */

/** @param {Chart} chart */
export function bars(chart) {
  return h("figure.bars", { key: chart.key }, [
    plot(chart),
    h("details", [
      h("summary", t("bars.table")),
      table(chart.label, [
        { title: chart.heading, class: "wide", cell: (bar) => bar.label },
        ...chart.series.map(({ name, label, format }) => ({ title: label, class: "number", cell: (bar) => format(bar.values[name]) })),
      ], chart.bars, (bar) => bar.id),
    ]),
  ]);
}

/** The legend with the values of one bar, and the bars. */
function plot(chart) {
  const found = chart.bars.findIndex((bar) => bar.id === chosen.get(chart.key));
  const index = found < 0 ? chart.bars.length - 1 : found;
  const bar = chart.bars[index];
  const scale = scaleOf(chart);
  const width = 100 / chart.bars.length;
  const choose = (event, next) => {
    chosen.set(chart.key, chart.bars[next]?.id);
    patch(event.currentTarget.closest(".chart"), plot(chart));
  };
  return h("div.chart", [
    h("div.legend", [
      chart.series.map(({ name, label, format }, number) => h("span", { class: colour(number) }, [h("i"), label, " ", h("b", format(bar.values[name]))])),
      h("span.reading", bar.label),
    ]),
    h("div.plot", {
      ...slider({
        label: chart.label,
        index,
        count: chart.bars.length,
        reading: [bar.label, ...chart.series.map(({ name, label, format }) => `${label} ${format(bar.values[name])}`)],
        choose,
      }),
      onpointermove: (event) => {
        const { left, width: whole } = event.currentTarget.getBoundingClientRect();
        const next = Math.floor(((event.clientX - left) / whole) * chart.bars.length);
        if (next !== index || found < 0) choose(event, Math.min(chart.bars.length - 1, Math.max(0, next)));
      },
    }, [
      svg("svg", { "aria-hidden": "true" }, [
        scale.rows.map((row) => svg("line.grid", { x1: "0", x2: "100%", y1: percent(scale.y(row)), y2: percent(scale.y(row)) })),
        found >= 0 && svg("rect.chosen", { x: percent(index * width), y: "0", width: percent(width), height: "100%" }),
        chart.bars.map(({ id, values }, place) => svg("g", { key: id }, chart.series.map(({ name }, number) => values[name] !== null && svg("rect", {
          class: `${colour(number)} ${Number(values[name]) < 0 ? "below" : ""}`.trim(),
          x: percent((place + 0.18) * width),
          width: percent(0.64 * width),
          ...scale.extent(values[name]),
        })))),
      ]),
      h("div.rows", { "aria-hidden": "true" }, scale.rows.map((row) => h("span", { style: { top: percent(scale.y(row)) } }, compact(row)))),
      h("div.ticks", { "aria-hidden": "true" }, [chart.bars[0], chart.bars.at(-1)].map((one) => h("span", one.label))),
    ]),
  ]);
}

const colour = (number) => (number ? "strong-bar" : "soft-bar");

const percent = (number) => `${number.toFixed(3)}%`;

/** Where amounts lie, in percent from above, and which of them the axis names. A bar begins at 0, so its height is a share. */
function scaleOf({ bars: all, series }) {
  const amounts = all.flatMap((bar) => series.map(({ name }) => Number(bar.values[name] ?? 0)));
  const [least, most] = [Math.min(0, ...amounts), Math.max(0, ...amounts)];
  const step = roundStep((most - least || 1) / 3);
  const [from, to] = [step * Math.floor(least / step), step * (Math.ceil(most / step) || Number(least === 0))];
  const y = (amount) => (100 * (to - amount)) / (to - from);
  return {
    y,
    rows: Array.from({ length: Math.round((to - from) / step) + 1 }, (_, row) => from + row * step),
    extent: (text) => {
      const [above, below] = [y(Math.max(0, Number(text))), y(Math.min(0, Number(text)))];
      return { y: percent(above), height: percent(below - above) };
    },
  };
}
