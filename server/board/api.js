/**
 * The documented endpoints, as the board calls them.
 *
 * Numbers stay text, exactly as the service wrote them. The tokens of a log-in live in this module's memory and nowhere
 * else: a reload is a log-out.
 */

import { hasText, setServerTime, t } from "./texts.js";

const REQUEST_MILLISECONDS = 35_000; // longer than the service takes to answer that it could not

const NOBODY = { username: null, role: "public", may: new Set() };

// These two change together: what is sent in a user's name has that user's token.
let tokens = null;
let caller = NOBODY;
let refreshing = null;
let learned = null;

/** The service has answered, and refused. `fields`: what is wrong, by field. `data`: what the refusal says, like available. */
export class Refusal extends Error {
  constructor(status, body) {
    const inner = body?.error ?? (isObject(body?.detail) ? body.detail : body) ?? {};
    const code = inner.code ?? inner.error_code ?? `HTTP_${status}`;
    const said = typeof body?.detail === "string" ? body.detail : inner.message;
    const data = { ...inner, ...(isObject(inner.details) ? inner.details : {}) };
    const fields = fieldsOf(body);
    const known = hasText(`error.${code}`) ? t(`error.${code}`, data) : said;
    super(known ?? (Object.values(fields).join(" ") || t("error.unknown", { status })));
    Object.assign(this, { status, code, data, fields });
  }
}

/** Whether the same question is refused again until something changes. */
export const isFinal = (error) => error instanceof Refusal && [404, 422].includes(error.status);

export const FINAL_MILLISECONDS = 60_000; // before such a question is asked again by itself

/** No answer came, or one that says the outcome is unknown: the change was made, or it was not. */
export class Unreachable extends Error {
  constructor() {
    super(t("error.unreachable"));
  }
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** The wrong fields of the documents' forms of an error, as {field: message}. */
function fieldsOf(body) {
  const plain = (message) => message.replace(/^Value error, /, "");
  if (Array.isArray(body?.detail)) return Object.fromEntries(body.detail.map((one) => [one.loc?.at(-1) ?? "", plain(one.msg)]));
  const lists = body?.errors ?? body ?? {};
  const pairs = Object.entries(lists).filter(([, value]) => Array.isArray(value) && value.every((one) => typeof one === "string"));
  return Object.fromEntries(pairs.map(([field, messages]) => [field, messages.map(plain).join(" ")]));
}

/** Numbers as their text. A browser that does not tell the text gives its nearest number. */
function parse(text) {
  return JSON.parse(text, (_, value, context) => (typeof value === "number" ? (context?.source ?? String(value)) : value));
}

/** A GET. Returns the body. Raises Refusal, Unreachable. */
export const get = (path, query = {}, options = {}) => call("GET", withQuery(path, query), options);

/**
 * A change, with a key that makes sending it again harmless. Returns the body, null where there is none.
 *
 * A key belongs to its user: in another's name it would be another change. So with a `username` it is sent in that name or
 * not at all: Refusal 401.
 */
export const send = (method, path, body, key, username) => call(method, path, { body, key, username });

function withQuery(path, query) {
  const entries = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return entries.length ? `${path}?${new URLSearchParams(entries)}` : path;
}

async function call(method, path, options, used = tokens, isRepeated = false) {
  if (options.username !== undefined && options.username !== caller.username) throw new Refusal(401, { code: "NOT_AUTHENTICATED" });
  const answer = await request(method, path, options, used);
  if (answer.status === 401 && used && !isRepeated) {
    if (await refresh(used)) return call(method, path, options, tokens, true);
    await logOut().catch(() => {});
    throw new Refusal(401, { code: "NOT_AUTHENTICATED" });
  }
  const text = await answer.text().catch(() => {
    throw new Unreachable();
  });
  let body = null;
  try {
    body = text ? parse(text) : null;
  } catch {
    if (answer.ok) throw new Unreachable();
  }
  if (answer.ok) return body;
  const refusal = new Refusal(answer.status, body);
  refusal.retryAfter = Number(answer.headers.get("Retry-After")); // seconds
  if (refusal.code === "OUTCOME_UNKNOWN" || (answer.status >= 502 && answer.status !== 503)) throw new Unreachable();
  throw refusal;
}

async function request(method, path, { body, key, signal }, used) {
  const headers = { Accept: "application/json" };
  if (used) headers.Authorization = `Bearer ${used.access}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const sent = Date.now();
  const limits = [AbortSignal.timeout(REQUEST_MILLISECONDS), ...(signal ? [signal] : [])];
  try {
    const answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.any(limits),
    });
    setServerTime(answer.headers.get("Date"), sent);
    return answer;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable();
  }
}

/** Renew the access token: once, for all calls that found it too old. */
async function refresh(used) {
  if (tokens !== used) return tokens !== null;
  refreshing ??= request("POST", "/api/v1/authentication/token/refresh/", { body: { refresh: used.refresh } }, null)
    .then(async (answer) => {
      const body = await answer.json().catch(() => null);
      if (answer.status >= 500 || answer.status === 429) throw new Refusal(answer.status, body); // this does not end a log-in
      if (answer.ok && tokens === used) tokens = { ...used, ...body };
      return answer.ok;
    })
    .finally(() => (refreshing = null));
  return refreshing;
}

export async function logIn(username, password) {
  const body = { username, password };
  await learnRights(await call("POST", "/api/v1/authentication/token/", { body }, null));
}

export async function logOut() {
  tokens = null;
  caller = NOBODY;
  learned = null;
  await learnRights().catch((error) => {
    dispatchEvent(new CustomEvent("caller")); // what was the user's is not shown any longer
    throw error;
  });
}

/** Whether the service has said what the caller may. */
export const knowsRights = () => learned !== null;

/** Ask who has these tokens, and what they may; from then on all calls use them. Something else than before is told as the event "caller". */
export async function learnRights(used = tokens) {
  const before = tokens;
  const me = await call("GET", "/api/v1/me/", {}, used, used !== before); // those of a log-in are new: no need to renew them
  if (tokens !== before) return; // somebody has logged in or out meanwhile
  tokens = used;
  const isSame = learned === JSON.stringify(me);
  learned = JSON.stringify(me);
  caller = { ...me, may: new Set(me.may) };
  if (!isSame) dispatchEvent(new CustomEvent("caller"));
}

export const who = () => caller;

/** Whether the caller may call all of these operations of the OpenAPI document. */
export const may = (...operations) => operations.every((operation) => caller.may.has(operation));

/** A key for one change. Also where the page is not on HTTPS, and randomUUID is missing. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// What became of a change that was sent with a key

export const KEY_MILLISECONDS = 23 * 3600_000; // the service knows a key for 24 hours

/** Whether it is not known if the change was made. */
export function isUnknown({ status, code }) {
  return status === undefined || code === "IDEMPOTENCY_KEY_IN_USE" || (status >= 500 && code !== "SERVICE_UNAVAILABLE");
}

/** Whether this request changed nothing, and says nothing about an earlier one with its key. */
export function isUntouched({ status, code }) {
  return code === "SERVICE_UNAVAILABLE" || [401, 403, 408, 429].includes(status);
}
