/**
 * Move and count by scanning. A bar-code reader is a keyboard: it types a code quickly and ends with Enter or Tab.
 *
 * The codes are taken one after the other, in their order, and no scan waits for the service: changes go through the outbox.
 * What was scanned and is not done yet stays in this tab over a reload.
 */

import { may, Refusal } from "./api.js";
import { openCamera, whyNoCamera } from "./camera.js";
import { h, patch } from "./dom.js";
import { entries, isOpen, waitsForUser } from "./outbox.js";
import { icon, quiet } from "./parts.js";
import * as count from "./scan-count.js";
import * as move from "./scan-move.js";
import { explain } from "./scan-parts.js";
import { t } from "./texts.js";

const STORE = "scan";
const READER_MILLISECONDS = 60; // for each character: no person types a whole code so fast
const MODES = { move, count };
const CAMERA = "M4 8h3l2-3h6l2 3h3v11H4zM12 17a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7";
const KEYBOARD = "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M18 10h.01M8 14h8";

export const title = () => t("place.scan");

/** What the two modes share: the state, which outlives a reload, and how to show and say something. */
const desk = {
  state: { arrivals: [], ...JSON.parse(sessionStorage.getItem(STORE) ?? "{}") },
  said: { number: 0, text: "", meaning: "" },
  shown: null, // {data, context}

  keep() {
    sessionStorage.setItem(STORE, JSON.stringify(this.state));
  },

  /** Show the page anew, from what is there: soon, once, and never while it is being shown. */
  refresh() {
    if (this.isStale) return;
    this.isStale = true;
    queueMicrotask(() => {
      this.isStale = false;
      const page = document.querySelector("#main > .page");
      if (this.shown && page && !this.shown.context.signal.aborted) patch(page, h("div.page", { key: page.dataset.key }, view()));
    });
  },

  /** Say what has happened: to the eye, and to a screen reader. `meaning`: bad interrupts. */
  say(text, meaning = "") {
    this.said = { number: this.said.number + 1, text, meaning };
    if (meaning === "bad") navigator.vibrate?.([90, 60, 90]);
    this.refresh();
  },

  scan: (code) => scan(code),

  /** Ask the service anew, and show it. Without an answer the page stays as it is. */
  again() {
    this.refresh();
    if (this.shown && !this.shown.context.signal.aborted) this.shown.context.again().catch(() => null);
  },
};

let camera = null; // {controller, problem, isOn}
let isTyping = false; // on a touch screen: whether the keyboard on the screen may come up
let isTaking = false;
let typedSince = 0;
const begun = new WeakSet(); // the signals of the visits that were begun
const told = new Set(entries().filter((entry) => !isOpen(entry)).map((entry) => entry.key));

export async function load(context) {
  const mode = Object.hasOwn(MODES, context.query.mode) ? context.query.mode : "move";
  if (!may(...MODES[mode].RIGHTS)) throw new Refusal(403, { code: "PERMISSION_DENIED" });
  if (!begun.has(context.signal)) begin(context, mode);
  return { mode, ...(await MODES[mode].load(desk, context)) };
}

/** A visit begins: once for each address. It ends with the context's signal. */
function begin(context, mode) {
  begun.add(context.signal);
  MODES[mode].begin(desk, context);
  const { signal } = context;
  document.addEventListener("keydown", catchKey, { signal });
  addEventListener("pagehide", closeCamera, { signal });
  document.addEventListener("visibilitychange", () => document.hidden && closeCamera(), { signal });
  signal.addEventListener("abort", closeCamera, { once: true });
}

export function render(data, context) {
  const isNew = desk.shown?.context !== context;
  desk.shown = { data, context };
  // After the frame has put the focus on the page.
  queueMicrotask(() => (isNew || [document.body, document.getElementById("main")].includes(document.activeElement)) && focusCode());
  takeAll();
  return view();
}

// Scans

/** Take a code: from the reader, the keyboard or the camera. */
function scan(text) {
  const code = text.trim();
  if (!code) return MODES[desk.shown.data.mode].confirm(desk);
  desk.state.arrivals.push({ code, mode: desk.shown.data.mode });
  desk.keep();
  takeAll();
}

async function takeAll() {
  if (isTaking) return;
  isTaking = true;
  const { arrivals } = desk.state;
  try {
    while (arrivals.length && !desk.shown.context.signal.aborted) {
      const { code, mode } = arrivals[0];
      try {
        await MODES[mode].take(desk, code);
      } catch (error) {
        console.error(error); // the scans behind it are taken all the same
      } finally {
        arrivals.shift();
        desk.keep();
        desk.refresh();
      }
    }
  } finally {
    isTaking = false;
  }
}

addEventListener("outbox", hear);

/** The outbox has changed. A refusal must not stay unseen, whatever is scanned meanwhile. */
function hear() {
  if (!desk.shown) return;
  for (const entry of entries()) {
    if (isOpen(entry) || told.has(entry.key)) continue;
    told.add(entry.key);
    if (entry.state === "refused") desk.say(explain(entry), "bad");
    if (entry.state === "lost") desk.say(t("scan.lost"), "bad");
    MODES[entry.kind === "move" ? "move" : "count"].answered(desk, entry);
  }
  desk.refresh();
}

// The reader

const codeInput = () => document.getElementById("code");

const focusCode = () => codeInput()?.focus({ preventScroll: true });

/** What is typed while nothing is being filled in is a scan. */
function catchKey(event) {
  const isElsewhere = !event.target.closest?.("input, select, textarea, dialog");
  const isText = event.key.length === 1 && !" /".includes(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (isElsewhere && isText) focusCode(); // the character goes there
}

function keyed(event) {
  const input = event.target;
  if (!input.value) typedSince = event.timeStamp;
  const isReader = input.value.length > 2 && (event.timeStamp - typedSince) / input.value.length < READER_MILLISECONDS;
  if (event.key === "Tab" && !event.shiftKey && isReader) submitted(event);
}

function submitted(event) {
  event.preventDefault();
  const input = codeInput();
  const text = input.value;
  input.value = "";
  scan(text);
}

// The camera

async function switchCamera() {
  if (camera?.isOn) return closeCamera();
  const mine = (camera = { controller: new AbortController(), problem: null, isOn: true });
  desk.refresh();
  await null; // the picture's place is there then
  try {
    await openCamera(document.getElementById("camera"), scan, mine.controller.signal);
  } catch (error) {
    mine.controller.abort();
    mine.isOn = false;
    mine.problem = { NotAllowedError: "denied", NotFoundError: "none" }[error.name] ?? "failed";
    desk.refresh();
  }
}

function closeCamera() {
  camera?.controller.abort();
  camera = null;
  desk.refresh();
}

// What is shown

function view() {
  const { data, context } = desk.shown;
  const mode = MODES[data.mode];
  return [
    h("div.head", [
      h("h1", t("place.scan")),
      h("nav.chips", { "aria-label": t("scan.modes") }, Object.keys(MODES).map((name) =>
        h("a.chip.tab", { href: name === "move" ? "/board/scan" : `/board/scan?mode=${name}`, "aria-current": name === data.mode ? "page" : null },
          t(`scan.${name}`)))),
    ]),
    h("div.scan", [
      h("div.work", [scanner(mode.next(desk, data)), mode.render(desk, data, context)]),
      mode.aside(desk, data, context),
    ]),
  ];
}

function scanner(next) {
  const isTouch = matchMedia("(pointer: coarse)").matches;
  const problem = camera?.problem ?? whyNoCamera();
  const { said, state } = desk;
  const unsent = entries().filter((entry) => isOpen(entry) && !waitsForUser(entry));
  const stranger = entries().find(waitsForUser);
  return h("section.card.scanner", { "aria-label": t("scan.reader") }, [
    h("form", { onsubmit: submitted }, [
      h("label", { for: "code" }, next),
      h("div.control", [
        h("input", {
          id: "code", name: "code", type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", enterkeyhint: "done",
          inputmode: isTouch && !isTyping ? "none" : "text", placeholder: t("scan.placeholder"), onkeydown: keyed,
        }),
        isTouch && h("button.square", { type: "button", "aria-label": t("scan.keyboard"), "aria-pressed": String(isTyping), onclick: switchKeyboard }, icon(KEYBOARD)),
        !whyNoCamera() && h("button.square", { type: "button", "aria-label": t("scan.camera"), "aria-pressed": String(Boolean(camera?.isOn)), onclick: switchCamera }, icon(CAMERA)),
      ]),
    ]),
    camera?.isOn && h("video", { id: "camera", key: "camera", own: true, playsinline: true, muted: true, "aria-label": t("scan.camera_picture") }),
    h("div", { role: "alert", key: "alert" }, said.meaning === "bad" && h("p.alarm", { key: `said-${said.number}` }, icon("M12 3 2 20h20zM12 10v4M12 17v.5"), h("span", said.text))),
    h("div", { role: "status", key: "status" }, [
      said.text && said.meaning !== "bad" && h("p.said", { key: `said-${said.number}`, class: said.meaning }, said.text),
      state.arrivals.length > 1 && quiet(t("scan.arrivals", { count: state.arrivals.length })),
      unsent.some((entry) => entry.state === "unknown") && h("p.waiting", t("scan.unsent", { count: unsent.length })),
      stranger && h("p.waiting", stranger.username === null ? t("scan.unsent_nobody") : t("scan.unsent_user", { username: stranger.username })),
    ]),
    problem && h("p.hint", t(`scan.camera_${problem}`)),
  ]);
}

function switchKeyboard() {
  isTyping = !isTyping;
  desk.refresh();
  codeInput().blur();
  focusCode();
}
