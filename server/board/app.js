/**
 * The frame: which page an address names, the search, who is logged in, and looking again when something has changed.
 *
 * A page is a module with
 *   load(context)          asks the service; returns the page's data. context: {parameters, query, signal}
 *   title(data)            the page's title
 *   render(data, context)  the page, from its data alone. context also has `again()`: load and show anew
 *   products(data)         the ids of the products that it shows, as a set; without it any change concerns the page
 *   until(data)            the instants at which it changes by itself, like ends of blocks
 */

import { FINAL_MILLISECONDS, isFinal, knowsRights, learnRights, logOut, Refusal, Unreachable, who } from "./api.js";
import { h, patch } from "./dom.js";
import { askLogIn, openUnanswered, unanswered } from "./form.js";
import { follow } from "./live.js";
import "./outbox.js"; // what a reload has left unsent is sent on
import { button, icon, notify, quiet, tick } from "./parts.js";
import { clockTime, currentLanguage, instant, LANGUAGES, loadLanguage, serverNow, t } from "./texts.js";

const PAGES = [
  [/^\/?$/, "today"],
  [/^\/stock$/, "stock"],
  [/^\/products\/(?<id>\d+)$/, "product"],
  [/^\/blocks$/, "blocks"],
  [/^\/locations$/, "locations"],
  [/^\/locations\/(?<code>[^/]+)$/, "location"],
  [/^\/scan$/, "scan"],
];

const PLACES = [
  ["", "today", "M4 11 12 4l8 7v9h-5v-6H9v6H4z"],
  ["/stock", "stock", "M4 7l8-4 8 4v10l-8 4-8-4zM4 7l8 4 8-4M12 11v10"],
  ["/blocks", "blocks", "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3 3"],
  ["/locations", "locations", "M12 21s7-6 7-11a7 7 0 0 0-14 0c0 5 7 11 7 11M12 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5"],
  ["/scan", "scan", "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M8 8v8M12 8v8M16 8v8"],
];

const AGAIN_MILLISECONDS = 3000; // for which a page that should have changed by itself is looked at again

const main = document.getElementById("main");
let current = null; // the page: {name, module, context, controller, data, restUntil}, its load that runs and the one that follows
let soon; // the timer of the next instant at which the page changes by itself
let lastSeen = Date.now();
let timer; // of the search, which waits for the next key

// Addresses

/** Go to a page of the board. */
export function go(path, { replace = false } = {}) {
  clearTimeout(timer);
  history[replace ? "replaceState" : "pushState"](null, "", `/board${path}`);
  show();
}

/** The path of the address within the board, decoded where it can be. */
function readPath() {
  const path = location.pathname.replace(/^\/board/, "").replace(/\/$/, "");
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function show() {
  const path = readPath();
  const found = PAGES.map(([pattern, name]) => [pattern.exec(path), name]).find(([match]) => match);
  current?.controller.abort();
  const controller = new AbortController();
  const parameters = { ...found?.[0].groups };
  const context = { parameters, query: Object.fromEntries(new URLSearchParams(location.search)), signal: controller.signal, again, go };
  const isSamePage = current?.name === found?.[1] && JSON.stringify(current?.context.parameters) === JSON.stringify(parameters);
  const caller = who().username;
  const isMove = current !== null && !isSamePage;
  if (!isSamePage || current.caller !== caller) main.setAttribute("aria-busy", "true");
  const next = { name: found?.[1], context, controller, caller, data: null, restUntil: 0, module: null, running: null, following: null };
  current = next;
  renderPlaces();
  const box = document.getElementById("q");
  if (box !== document.activeElement) box.value = context.query.q ?? "";
  await look(next).catch((error) => {
    if (current === next && !(error instanceof Refusal || error instanceof Unreachable)) console.error(error);
    fail(next, error);
  });
  if (current !== next) return;
  main.removeAttribute("aria-busy");
  if (isMove) scrollTo(0, 0);
  if (isMove && box !== document.activeElement) main.focus({ preventScroll: true });
}

/**
 * Load a page, and show it. One load at a time, so that no older numbers come after newer ones: who asks while one runs
 * gets the next, which sees what has changed since.
 */
function look(page) {
  page.following ??= (async () => {
    await page.running?.catch(() => {});
    page.following = null;
    page.running = load(page);
    await page.running;
  })();
  return page.following;
}

async function load(page) {
  if (!page.name) throw new Refusal(404, { code: "NOT_FOUND" });
  page.module ??= await import(`./page-${page.name}.js`).catch((error) => {
    throw error instanceof TypeError ? new Unreachable() : error;
  });
  const data = await page.module.load(page.context);
  if (current !== page) return;
  page.data = data;
  page.restUntil = 0;
  lastSeen = Date.now();
  render();
}

function render() {
  const { module, context, data } = current;
  document.title = `${module.title(data)} · ${t("app.title")}`;
  put(h("div.page", { key: current.name + JSON.stringify(context.parameters) }, module.render(data, context)));
  clearTimeout(soon);
  // The service's clock is known only so well: what should have changed a moment ago is looked at again.
  const waits = (module.until?.(data) ?? []).filter(Boolean).map((text) => instant(text) - serverNow()).filter((wait) => wait > -AGAIN_MILLISECONDS);
  if (waits.length) soon = setTimeout(() => document.hidden || again(), Math.min(Math.max(Math.min(...waits), 0) + 300, 2 ** 30));
}

function put(rendered) {
  if (main.firstElementChild && main.childNodes.length === 1) patch(main.firstElementChild, rendered);
  else main.replaceChildren(rendered);
}

/** Show what is wrong in the page's place, where there is nothing to show or nothing that may be shown. */
function fail(page, error) {
  if (page !== current) return;
  if (isFinal(error)) page.restUntil = performance.now() + FINAL_MILLISECONDS;
  const isRefused = error instanceof Refusal && error.status < 500 && error.status !== 429;
  if (!page.data || isRefused) showFailure(error);
}

function showFailure(error) {
  if (current) current.data = null;
  if (error instanceof Refusal && [401, 403].includes(error.status)) {
    document.title = `${t("login.title")} · ${t("app.title")}`;
    put(h("div.page", { key: "login" }, h("section.card.center", [
      h("h1", t(who().username ? "denied.title" : "login.needed")),
      quiet(who().username ? t("denied.text", { username: who().username }) : t("login.why")),
      button(t(who().username ? "login.other" : "login.title"), () => askLogIn(), "primary"),
    ])));
    return;
  }
  document.title = `${t("failure.title")} · ${t("app.title")}`;
  put(h("div.page", { key: "failure" }, h("section.card.center", { role: "alert" }, [
    h("h1", error.status === 404 ? t("failure.missing") : t("failure.title")),
    quiet(error instanceof Refusal || error instanceof Unreachable ? error.message : t("error.unknown", { status: "" })),
    button(t("failure.again"), again, "primary"),
  ])));
}

/** Something has changed: a set of products, or null if that is not known. `isLook`: maybe nothing has. */
async function changed(products, isLook) {
  if (isLook && current && performance.now() < current.restUntil) return;
  await lookAt(products).catch((error) => {
    if (!isFinal(error)) throw error; // a refusal is an answer: the page shows it, and what comes next is waited for
  });
}

/** Show the page anew, if it is concerned. Raises what the page's load raises, after it was shown. */
async function lookAt(products) {
  const page = current;
  if (!page || !knowsRights()) return learnRights(); // there was no connection at the start, or at the log-out
  const concerned = page.data && page.module.products?.(page.data);
  if (products && concerned && ![...products].some((id) => concerned.has(String(id)))) return;
  try {
    await look(page);
  } catch (error) {
    if (page !== current) return;
    fail(page, error);
    throw error;
  }
}

/** Load the page again, and show what has changed, or what is wrong. */
const again = () => lookAt(null).catch((error) => error instanceof Refusal || error instanceof Unreachable || console.error(error));

// The frame

function renderPlaces() {
  const path = location.pathname.replace(/^\/board\/?/, "/").replace(/\/$/, "");
  const nav = document.getElementById("places");
  const list = h("ul", PLACES.map(([to, name, shape]) => {
    const isHere = to === path || (to && path.startsWith(`${to}/`)) || (name === "stock" && path.startsWith("/products/"));
    return h("li", h("a", { href: `/board${to}`, "aria-current": isHere ? "page" : null }, icon(shape), h("span", t(`place.${name}`))));
  }));
  if (nav.firstElementChild) patch(nav.firstElementChild, list);
  else nav.append(list);
}

function renderFrame() {
  document.getElementById("skip").textContent = t("app.skip");
  document.getElementById("places").setAttribute("aria-label", t("app.places"));
  document.querySelector(".brand span").textContent = t("app.title");
  const find = document.getElementById("find");
  const box = find.elements.q ?? find.appendChild(h("input", { name: "q", type: "search", id: "q", autocomplete: "off", spellcheck: "false" }));
  box.placeholder = t("find.placeholder");
  box.setAttribute("aria-label", t("find.label"));
  box.setAttribute("aria-keyshortcuts", "/");
  renderWho();
  renderPlaces();
}

function renderWho() {
  const { username } = who();
  const choose = (name, label, options, chosen, onchange) =>
    h("label.choice", h("span", label), h("select", { name, onchange: (event) => onchange(event.target.value) },
      options.map(([value, text]) => h("option", { value, selected: value === chosen }, text))));
  const themes = ["auto", "light", "dark"].map((name) => [name, t(`theme.${name}`)]);
  const menu = h("details.menu", [
    h("summary", { "aria-label": t("app.settings") }, icon("M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 21a8 8 0 0 1 16 0"), h("span", username ?? t("login.nobody"))),
    h("div.sheet", [
      choose("language", t("app.language"), Object.entries(LANGUAGES), currentLanguage(), setLanguage),
      choose("theme", t("app.theme"), themes, localStorage.theme ?? "auto", setTheme),
      username
        ? button(t("login.out"), leave)
        : button(t("login.title"), logInFromMenu, "primary"),
    ]),
  ]);
  const place = document.getElementById("who");
  if (place.firstElementChild) patch(place.firstElementChild, menu);
  else place.append(menu);
}

const closeMenu = () => document.querySelector(".menu[open]")?.removeAttribute("open");

function leave() {
  closeMenu();
  return logOut().catch((error) => notify(error.message, "bad"));
}

function logInFromMenu() {
  closeMenu();
  return askLogIn();
}

async function setLanguage(language) {
  localStorage.language = language;
  await loadLanguage(language);
  renderFrame();
  main.replaceChildren();
  show();
}

function setTheme(theme) {
  localStorage.theme = theme;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function renderOffline(state) {
  const place = document.getElementById("offline");
  const drafts = unanswered();
  const isLive = state === "live";
  place.hidden = isLive && !drafts.length;
  place.replaceChildren(
    isLive ? "" : t(state === "busy" ? "offline.busy" : "offline.text", { time: clockTime(new Date(lastSeen).toISOString()) }),
    ...drafts.map((draft) => button(t("offline.send", { title: draft.title }), () => openUnanswered(draft))),
  );
}

function search(event) {
  event.preventDefault?.();
  const q = document.getElementById("q").value.trim();
  const isThere = location.pathname === "/board/stock";
  go(q ? `/stock?q=${encodeURIComponent(q)}` : "/stock", { replace: isThere });
}

function listenToFrame() {
  const find = document.getElementById("find");
  find.addEventListener("submit", search);
  find.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => search({}), 120);
  });
  addEventListener("popstate", show);
  document.addEventListener("click", (event) => {
    const anchor = event.target.closest?.("a[href^='/board']");
    if (!anchor || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(anchor.getAttribute("href").slice("/board".length));
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, select, textarea, dialog");
    if (event.key === "/" && !isTyping) {
      event.preventDefault();
      document.getElementById("q").select();
    }
    if (event.key === "Escape") closeMenu();
  });
  addEventListener("caller", () => {
    renderWho();
    show();
  });
  let state = "live";
  addEventListener("connection", ({ detail }) => renderOffline((state = detail.state)));
  addEventListener("drafts", () => renderOffline(state));
  setInterval(tick, 1000);
}

async function start() {
  setTheme(localStorage.theme ?? "auto");
  await loadLanguage(localStorage.language);
  renderFrame();
  listenToFrame();
  try {
    await learnRights(); // tells "caller", which shows the page
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof Unreachable)) throw error;
    showFailure(error);
    notify(error.message, "bad");
  }
  renderOffline("live");
  follow(changed);
}

start();
