/**
 * Tells pages that what they show has changed.
 *
 * Who may read the change feed waits for it: one open request, and products by their id. Others look again every second:
 * the service answers 304 where nothing has changed. A hidden page asks nothing.
 */

import { get, may, Unreachable } from "./api.js";

const LOOK_MILLISECONDS = 1000;
const FEED_SECONDS = 20;
const PAUSE_MILLISECONDS = 400; // between two looks at what keeps changing

let listener = null;
let running = new AbortController();

/** Call `changed(products)` on changes: a set of product ids, or null for anything. `changed` returns a promise. */
export function follow(changed) {
  listener = changed;
  document.addEventListener("visibilitychange", restart);
  addEventListener("caller", restart);
  addEventListener("online", restart);
  restart();
}

function restart() {
  running.abort();
  running = new AbortController();
  if (!document.hidden) run(running.signal);
}

async function run(signal) {
  let cursor = "latest";
  while (!signal.aborted) {
    try {
      if (may("list_changes")) {
        const isFirst = cursor === "latest";
        const feed = await get("/api/v1/changes/", { after: cursor, limit: 1000, ...(isFirst ? {} : { wait: FEED_SECONDS }) }, { signal });
        cursor = feed.next;
        const products = new Set(feed.changes.map((change) => change.product_id));
        if (isFirst) await listener(null);
        else if (products.size) await listener(products);
        if (products.size) await pause(PAUSE_MILLISECONDS, signal);
      } else {
        await listener(null);
        await pause(LOOK_MILLISECONDS, signal);
      }
      setOnline(true);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Unreachable || error.status >= 500) setOnline(false);
      else if (error.code === "VALIDATION_ERROR") cursor = "latest"; // the database was restored to an earlier time
      await pause(2 * LOOK_MILLISECONDS, signal);
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

let isOnline = true;

function setOnline(now) {
  if (now === isOnline) return;
  isOnline = now;
  dispatchEvent(new CustomEvent("connection", { detail: { isOnline } }));
}
