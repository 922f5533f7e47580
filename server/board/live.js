/**
 * Tells the page that what it shows has changed.
 *
 * Who may read the change feed waits for it: one open request, and products by their id. Others look again every second:
 * the service answers 304 where nothing has changed. A hidden page asks nothing, and one that is refused (`isFinal`) little.
 * After a failure the next look is later and later, and not before the service wants it.
 */

import { get, learnRights, may, Refusal, Unreachable } from "./api.js";

const LOOK_MILLISECONDS = 1000; // from the begin of a look to the next one
const PAUSE_MILLISECONDS = 400; // between a look and the next one at the least
const LATE_MILLISECONDS = 5000; // a look that takes longer is told: the numbers are old
const MOST_MILLISECONDS = 8000; // between two looks that fail
// The feed tells nothing while a transaction is open, which the service's own are for up to 10 seconds, and nothing of a
// block that has ended before a job has noted it. So the page looks again after a wait without a change, too.
const FEED_SECONDS = 10;
const FEED_ROWS = 200;

let listener = null;
let running = new AbortController();
let state = "live";

/**
 * Call `changed(products, isLook)` on changes: a set of product ids, or null for anything. `changed` returns a promise.
 *
 * `isLook`: nothing is known to have changed, and it is time to look.
 */
export function follow(changed) {
  listener = changed;
  document.addEventListener("visibilitychange", restart);
  for (const type of ["caller", "online", "offline"]) addEventListener(type, restart);
  restart();
}

function restart() {
  running.abort();
  running = new AbortController();
  if (!document.hidden) run(running.signal);
}

async function run(signal) {
  let hasFeed = may("list_changes");
  let cursor = null; // null: what has changed before is not known
  let failures = 0;
  while (!signal.aborted) {
    const begin = performance.now();
    let rest;
    try {
      if (hasFeed) cursor = await nextChanges(cursor, signal);
      else await look(null, true);
      if (signal.aborted) return;
      tell("live");
      failures = 0;
      rest = hasFeed ? 0 : LOOK_MILLISECONDS - (performance.now() - begin);
    } catch (error) {
      if (signal.aborted) return;
      cursor = null; // also where the database was restored to an earlier time, and refuses the cursor
      failures += 1;
      if (error instanceof Refusal && [401, 403].includes(error.status)) {
        hasFeed = false;
        await learnRights().catch(() => {}); // other rights are told as "caller", and end this run
      } else if (error instanceof Refusal) {
        if (error.status >= 500 || error.status === 429) tell("busy");
      } else {
        tell("lost");
        if (!(error instanceof Unreachable)) console.error(error);
      }
      rest = Math.min(LOOK_MILLISECONDS * 2 ** failures, MOST_MILLISECONDS) * (0.75 + Math.random() / 4);
      rest = Math.max(rest, 1000 * (error.retryAfter || 0));
    }
    await pause(Math.max(rest, PAUSE_MILLISECONDS), signal);
  }
}

/** Wait for changes after the cursor, and tell them. Returns the next cursor. */
async function nextChanges(cursor, signal) {
  const ask = (query) => get("/api/v1/changes/", query, { signal });
  const found = cursor ? await ask({ after: cursor, limit: FEED_ROWS, wait: FEED_SECONDS }) : null;
  if (!found || found.changes.length === FEED_ROWS) {
    const { next } = await ask({ after: "latest" }); // what has changed before is not known, or too much to tell
    await look(null);
    return next;
  }
  const products = new Set(found.changes.map((change) => change.product_id));
  await (products.size ? look(products) : look(null, true));
  return found.next;
}

async function look(products, isLook = false) {
  const late = setTimeout(() => tell("lost"), LATE_MILLISECONDS);
  try {
    await listener(products, isLook);
  } finally {
    clearTimeout(late);
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}

/** live: the numbers are those of now. lost: no connection. busy: the service has refused to look. */
function tell(next) {
  if (next === state) return;
  state = next;
  dispatchEvent(new CustomEvent("connection", { detail: { state } }));
}
