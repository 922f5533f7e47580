/**
 * Changes on their way: sent one after the other, in their order, each with its own Idempotency-Key.
 *
 * Who scans does not wait for answers. A change without an answer is sent again with its key until it has one, so it is made
 * once. What is unsent stays in this tab over a reload. A key belongs to its user: a change waits until that user is logged in.
 */

import { isUnknown, isUntouched, KEY_MILLISECONDS, newKey, Refusal, send, Unreachable, who } from "./api.js";

const STORE = "outbox";
const RETRY_MILLISECONDS = 2000;
const KEPT = 60; // answered entries, for the page to show

/**
 * @typedef {object} Entry
 * @property {string} key      its Idempotency-Key
 * @property {string} kind     what it is to the page
 * @property {object} about    what the page shows of it
 * @property {{method: string, path: string, body: object}} request
 * @property {string|null} username  who sends it
 * @property {"waiting"|"sending"|"unknown"|"done"|"refused"|"lost"} state  unknown: sent, without an answer. lost: it can
 *   not be found out whether it was made
 * @property {number} at       when it was put in
 * @property {object} [answer]
 * @property {{code: string, status: number, message: string, data: object, fields: object}} [refusal]
 */

/** @type {Entry[]} */
let list = JSON.parse(sessionStorage.getItem(STORE) ?? "[]").map((entry) => (entry.state === "sending" ? { ...entry, state: "unknown" } : entry));
let isRunning = false;
let wake = () => {};
const waiters = new Map();

/** Whether the change is sent again with the same key. Not after a 500: on that the service would fail again. */
const isSentAgain = (error) => error.status !== 500 && (isUnknown(error) || (isUntouched(error) && ![401, 403].includes(error.status)));

export const isOpen = (entry) => ["waiting", "sending", "unknown"].includes(entry.state);

/** All entries, oldest first. */
export const entries = () => list;

/** Whether an entry waits for another user to log in. */
export const waitsForUser = (entry) => isOpen(entry) && entry.username !== who().username;

/** Put a change in. It replaces the one with the key `instead`, if that was never sent. Returns its key. */
export function put({ kind, about, request, instead }) {
  const entry = { key: newKey(), kind, about, request, username: who().username, state: "waiting", at: Date.now() };
  const place = list.findIndex((other) => other.key === instead && other.state === "waiting");
  if (place >= 0) list.splice(place, 1, entry);
  else list.push(entry);
  changed();
  run();
  return entry.key;
}

/** Resolves to the entry when it has an answer. */
export function answered(key) {
  return new Promise((resolve) => {
    waiters.set(key, resolve);
    changed();
  });
}

/** Forget an entry that has an answer. */
export function drop(key) {
  list = list.filter((entry) => entry.key !== key || isOpen(entry));
  changed();
}

/** Note something about an entry, for the page. */
export function note(key, about) {
  const entry = list.find((one) => one.key === key);
  if (entry) Object.assign(entry.about, about);
  changed();
}

function changed() {
  const surplus = list.filter((entry) => !isOpen(entry)).slice(0, -KEPT);
  if (surplus.length) list = list.filter((entry) => !surplus.includes(entry));
  // A count in an answer has all of its lines: too many to keep, and the page asks for them anew.
  sessionStorage.setItem(STORE, JSON.stringify(list, (name, value) => (name === "count" ? undefined : value)));
  for (const entry of list) {
    if (isOpen(entry) || !waiters.has(entry.key)) continue;
    waiters.get(entry.key)(entry);
    waiters.delete(entry.key);
  }
  dispatchEvent(new CustomEvent("outbox"));
}

async function run() {
  if (isRunning) return;
  isRunning = true;
  try {
    for (let entry; (entry = list.find((one) => isOpen(one) && !waitsForUser(one))); ) await attempt(entry);
  } finally {
    isRunning = false;
  }
}

async function attempt(entry) {
  const wasSent = entry.state === "unknown";
  if (wasSent && Date.now() - entry.at > KEY_MILLISECONDS) {
    entry.state = "lost";
    return changed();
  }
  entry.state = "sending";
  changed(); // before it is sent: a reload must know that it may have arrived
  try {
    const { method, path, body } = entry.request;
    entry.answer = await send(method, path, body, entry.key, entry.username);
    entry.state = "done";
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof Unreachable)) throw error;
    if (isSentAgain(error)) {
      entry.state = isUnknown(error) || wasSent ? "unknown" : "waiting";
      changed();
      return pause();
    }
    const { code, status, message, data, fields } = error;
    if (status === 401 && waitsForUser(entry)) {
      entry.state = wasSent ? "unknown" : "waiting"; // the log-in has ended meanwhile
      return changed();
    }
    entry.state = isUnknown(error) || (wasSent && isUntouched(error)) ? "lost" : "refused";
    entry.refusal = { code, status, message, data, fields };
  }
  changed();
}

function pause() {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, RETRY_MILLISECONDS);
    wake = () => (clearTimeout(timer), resolve());
  });
}

addEventListener("online", () => wake());
// Also once at the start, when it is known who calls.
addEventListener("caller", () => {
  wake();
  run();
});
// The browser asks whether to leave: what is unsent would be lost with the tab.
addEventListener("beforeunload", (event) => {
  if (list.some(isOpen)) event.preventDefault();
});
