/** What the charts have in common: a slider through what they show, and the steps of their axes. */

/**
 * The attributes of a plot that a reader hears as a slider. `reading`: the words at the index.
 * `choose(event, next)`: looks at another index, without one at none.
 */
export function slider({ label, index, count, reading, choose }) {
  return {
    role: "slider",
    tabindex: "0",
    "aria-label": label,
    "aria-valuemin": "0",
    "aria-valuemax": String(count - 1),
    "aria-valuenow": String(index),
    "aria-valuetext": reading.join(", "),
    onkeydown: (event) => {
      const next = moved(event.key, index, count);
      if (next === undefined) return;
      event.preventDefault();
      choose(event, next);
    },
    onpointerleave: (event) => choose(event),
    onblur: (event) => choose(event),
  };
}

/** The index that a key leads to. */
function moved(key, index, count) {
  const to = { ArrowLeft: index - 1, ArrowDown: index - 1, ArrowRight: index + 1, ArrowUp: index + 1, PageDown: index - 10, PageUp: index + 10, Home: 0, End: count - 1 }[key];
  return to === undefined ? undefined : Math.min(count - 1, Math.max(0, to));
}

/** 1, 2 or 5 with as many zeros as it takes, and 25 with some. */
export function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, ...(power >= 10 ? [2.5] : []), 5, 10].find((step) => step * power >= least) * power;
}
