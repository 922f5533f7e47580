/**
 * A step chart: balances over time, each of which holds until the next point.
 *
 * The lines are SVG, stretched to whatever room there is; the words are HTML, which is not stretched. Nothing is measured.
 * A reader hears it as a slider through the points. The values in the legend are those under the pointer.
 */

import { roundStep, slider } from "./chart.js";
import { h, patch, svg } from "./dom.js";
import { clockTime, compact, day, moment, quantity, t } from "./texts.js";

const [WIDTH, HEIGHT] = [1000, 100]; // of the SVG's own grid
const MOST_TICKS = 6;
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const WITHIN_A_DAY = [1, 5, 15, 30, 60, 180, 360, 720].map((minutes) => minutes * MINUTE);
const DAYS = [1, 2, 3, 7, 14, 30, 60, 120, 365, 730, 1825];

/**
 * @typedef {object} Chart
 * @property {string} key
 * @property {string} label         what the chart shows
 * @property {{id: string, at: number, values: object}[]} points  oldest first; `at` in milliseconds, the values as text.
 *                                  The first begins the chart, the last ends it
 * @property {{name: string, label: string}[]} series  the first is the one that matters most
 * @property {{value: string, label: string}} [level]  a line across
 * @property {(point: object) => string} describe      what happened at a point
 * @property {string} summary       the chart in a sentence
 * @property {() => Node} alternative  the chart as a table
 * @property {{cursor?: string, at?: number, isOpen?: boolean}} state  what the viewer looks at. The caller keeps it
 */

/** @param {Chart} chart */
export function steps(chart) {
  const { state } = chart;
  const redraw = (event) => patch(event.currentTarget.closest("figure"), steps(chart));
  return h("figure.steps", { key: chart.key }, [
    plot(chart),
    h("figcaption.quiet", chart.summary),
    h("details", { ontoggle: (event) => event.currentTarget.open !== Boolean(state.isOpen) && ((state.isOpen = event.currentTarget.open), redraw(event)) }, [
      h("summary", t("steps.table")),
      state.isOpen ? chart.alternative() : null,
    ]),
  ]);
}

/** The legend with its values, and the lines. */
function plot(chart) {
  const { points, series, level, state } = chart;
  const scale = scaleOf(chart);
  const found = points.findIndex((point) => point.id === state.cursor);
  const index = found < 0 ? points.length - 1 : found;
  const point = points[index];
  const at = Math.max(state.at ?? point.at, point.at);
  const look = (event, next, instant) => {
    state.cursor = points[next]?.id;
    state.at = instant;
    patch(event.currentTarget.closest(".chart"), plot(chart));
  };
  return h("div.chart", [
    h("div.legend", [
      series.map(({ name, label }) => h("span", { class: `of-${name}` }, [h("i"), label, " ", h("b", quantity(point.values[name]))])),
      level && h("span.of-level", [h("i"), level.label, " ", h("b", quantity(level.value))]),
      h("span.reading", chart.describe(point)),
    ]),
    h("div.plot", {
      ...slider({
        label: chart.label,
        index,
        count: points.length,
        reading: [chart.describe(point), ...series.map(({ name, label }) => `${label} ${quantity(point.values[name])}`)],
        choose: look,
      }),
      onpointermove: (event) => {
        const { left, width } = event.currentTarget.getBoundingClientRect();
        const instant = scale.from + ((event.clientX - left) / width) * (scale.to - scale.from);
        look(event, Math.max(0, points.findLastIndex((each) => each.at <= instant)), instant);
      },
    }, [
      svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, [
        scale.rows.map((row) => svg("path.grid", { d: `M0 ${scale.y(row)}H${WIDTH}` })),
        svg("path.area", { d: `${path(points, series[0].name, scale)}V${HEIGHT}H${scale.x(points[0].at)}Z` }),
        series.toReversed().map(({ name }) => svg("path.line", { class: `of-${name}`, d: path(points, name, scale) })),
        level && svg("path.level", { d: `M0 ${scale.y(level.value)}H${WIDTH}` }),
      ]),
      h("div.rows", { "aria-hidden": "true" }, scale.rows.map((row) => h("span", { style: { top: percent(scale.y(row), HEIGHT) } }, row < 1000 ? quantity(row.toFixed(3)) : compact(row)))),
      h("div.ticks", { "aria-hidden": "true" }, scale.ticks.map(({ at: tick, text }) => h("span", { style: { left: percent(scale.x(tick), WIDTH) } }, text))),
      state.cursor !== undefined && h("div.cross", { "aria-hidden": "true", style: { left: percent(scale.x(Math.min(at, scale.to)), WIDTH) } },
        series.map(({ name }) => h("i", { class: `of-${name}`, style: { top: percent(scale.y(point.values[name]), HEIGHT) } }))),
    ]),
  ]);
}

const percent = (part, whole) => `${((100 * part) / whole).toFixed(3)}%`;

function path(points, name, { x, y }) {
  const parts = points.slice(1).map((point) => `H${x(point.at)}V${y(point.values[name])}`);
  return `M${x(points[0].at)} ${y(points[0].values[name])}${parts.join("")}`;
}

/** Where times and quantities lie, and which of them the axes name. The quantities begin at 0: so a height is a share. */
function scaleOf({ points, series, level }) {
  const [from, to] = [points[0].at, points.at(-1).at];
  const most = Math.max(...points.flatMap((point) => series.map(({ name }) => Number(point.values[name]))), Number(level?.value ?? 0)) || 1;
  const step = roundStep(most / 5);
  const top = step * Math.ceil((1.04 * most) / step);
  const x = (at) => round((WIDTH * (at - from)) / (to - from || 1));
  return {
    from,
    to,
    x,
    y: (value) => round(HEIGHT * (1 - Number(value) / top)),
    rows: Array.from({ length: Math.round(top / step) + 1 }, (_, row) => row * step),
    // A name at the very edge would stand out of the chart.
    ticks: ticks(from, to).filter(({ at }) => x(at) > 0.02 * WIDTH && x(at) < 0.95 * WIDTH),
  };
}

const round = (number) => Math.round(100 * number) / 100;

/** Whole hours or days of the viewer's zone. */
function ticks(from, to) {
  const found = [];
  const at = new Date(from);
  at.setHours(0, 0, 0, 0);
  const step = WITHIN_A_DAY.find((each) => (to - from) / each <= MOST_TICKS);
  const days = DAYS.find((each) => (to - from) / DAY / each <= MOST_TICKS) ?? DAYS.at(-1);
  while (at <= to) {
    if (at >= from) found.push({ at: at.getTime(), text: named(at) });
    if (step) at.setTime(at.getTime() + step);
    else at.setDate(at.getDate() + days);
  }
  return found;
}

function named(at) {
  if (at.getHours() || at.getMinutes()) return clockTime(at.toISOString());
  return day([at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, "0")).join("-"));
}

/** A point's instant in words. */
export const momentOf = (point) => moment(new Date(point.at).toISOString());
