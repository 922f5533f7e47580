/**
 * Forms in a dialog, each one change of the service.
 *
 * What is typed is kept in this tab until the service has answered, also over a reload. A change that may or may not have
 * been made is sent again, with the same Idempotency-Key and by the same user, until it has an answer: so it is not made
 * twice. Its fields cannot be edited until then. A password is never kept.
 */

import { isUnknown, isUntouched, KEY_MILLISECONDS, logIn, newKey, Refusal, send, Unreachable, who } from "./api.js";
import { h, patch } from "./dom.js";
import { isZero } from "./exact.js";
import { button, notify } from "./parts.js";
import { localMinute, serverNow, t, typedNumber } from "./texts.js";

const RETRY_MILLISECONDS = 3000;
const PREFIX = "draft:";
const LIMITS = { quantity: /^-?\d{1,9}(\.\d{1,3})?$/, money: /^-?\d{1,20}(\.\d{1,3})?$/ };

let count = 0;

/**
 * A form. Fields: {name, label, type, value, required, hint, unit, options, minimum, maximum, steps}. `type` is text, quantity,
 * money, moment (a date and time in the viewer's zone), select (`options`: pairs of value and label) or password.
 * `minimum`: "positive" or "zero" for a number, "future" for a moment. `maximum`: characters of a text. `steps`: buttons
 * that fill in a moment, as pairs of text and milliseconds.
 *
 * @typedef {object} Form
 * @property {string} id            of the draft: what is changed, and how
 * @property {string} title         also names the change where it has no answer yet
 * @property {Node|function} [intro] what the form is about; a function is asked at each change of the form
 * @property {object[]} fields
 * @property {string} submit        the button's text
 * @property {string} [dismiss]     the text of the button that closes it
 * @property {boolean} [isDangerous]
 * @property {(values: object) => {method: string, path: string, body: object}} request
 * @property {(values: object) => Promise} [perform] in place of `request`: what is no change, and is not kept
 * @property {(error: Refusal) => Promise<string|undefined>} [refused] words for a refusal in place of the service's
 * @property {(answer: object|null, values: object) => string|void} [done]  what to tell when it was made
 */

/** Open a form. Resolves when it closes: to the answer, or undefined. */
export function openForm(form) {
  const { username } = who();
  return open(form, { id: form.id, title: form.title, username, ...read(nameOf(username, form.id)) });
}

/** Log in by a form. `username`: whose log-in is needed. Resolves to whether it was done. */
export async function askLogIn(username) {
  const done = await openForm({
    id: "login",
    title: t("login.title"),
    fields: [
      { name: "username", label: t("login.username"), required: true, value: username, autocomplete: "username" },
      { name: "password", label: t("login.password"), required: true, type: "password", autocomplete: "current-password" },
    ],
    submit: t("login.submit"),
    perform: (values) => logIn(values.username, values.password),
  });
  return done !== undefined;
}

/** The changes that have no answer yet, of forms that were closed or lost. */
export function unanswered() {
  return Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX)).map(read).filter((draft) => draft.pending);
}

/** Show a change that has no answer yet, and send it again. */
export function openUnanswered(draft) {
  return open({ title: draft.title, fields: draft.pending.fields, done: () => t("form.answered", { title: draft.title }) }, draft);
}

/** `draft`: {id, title, username, values, pending: {key, request, fields, since, isUnknown}}; `pending` once it is sent. */
function open(form, draft) {
  const id = `form-${++count}`;
  const isKept = !form.perform;
  const defaults = form.fields.map((field) => [field.name, field.value ?? ""]);
  const isRestored = Boolean(draft.values && !draft.pending);
  draft.values = { ...Object.fromEntries(defaults), ...draft.values };
  for (const { name, options } of form.fields) {
    if (options && !options.some(([value]) => value === draft.values[name])) [[draft.values[name]]] = options;
  }
  if (draft.pending) draft.pending.isUnknown = true; // the answer may have come while nobody listened
  let errors = {};
  let problem = null;
  let isBusy = false;
  let asksLogIn = false;
  let answer; // of the service; undefined: none
  let retry;

  const isLocked = () => Boolean(draft.pending) || !(form.request ?? form.perform);
  const keep = () => isKept && sessionStorage.setItem(nameOf(draft.username, draft.id), JSON.stringify(draft));
  const drop = () => sessionStorage.removeItem(nameOf(draft.username, draft.id));

  const controller = new AbortController();
  const dialog = h("dialog.form", { "aria-labelledby": `${id}-title`, "aria-describedby": form.intro ? `${id}-intro` : null });
  let content = dialog.appendChild(h("div"));

  function render() {
    const { pending } = draft;
    const isOpen = pending?.isUnknown && !isBusy;
    const canSend = pending ? !isTooOld(pending) : !isLocked();
    const submit = isBusy ? t("form.sending") : pending ? t("form.again") : form.submit;
    content = patch(content, h("form", { novalidate: true, onsubmit: submitted, oninput: typed }, [
      h("h2", { id: `${id}-title` }, form.title),
      form.intro && h("div.intro", { id: `${id}-intro` }, typeof form.intro === "function" ? form.intro() : form.intro.cloneNode(true)),
      isRestored && h("p.hint", t("form.restored")),
      form.fields.map((field) => row(field, `${id}-${field.name}`, draft.values[field.name], errors[field.name], isLocked(), step)),
      problem && h("p.problem", { role: "alert" }, problem),
      h("div.buttons", [
        isOpen && button(t("form.drop"), cancel),
        button(pending ? t("form.later") : canSend ? (form.dismiss ?? t("form.cancel")) : t("form.close"), pending ? () => dialog.close() : cancel),
        asksLogIn && button(t("login.title"), logInAgain, "primary"),
        canSend && h("button", { type: "submit", class: form.isDangerous ? "danger" : asksLogIn ? "" : "primary", "aria-disabled": isBusy ? "true" : null }, submit),
      ]),
    ]));
  }

  function typed({ target }) {
    draft.values[target.name] = target.value;
    keep();
    if (errors[target.name]) {
      delete errors[target.name];
      render();
    }
  }

  /** Fill in a moment. */
  function step(name, milliseconds) {
    const field = content.elements[name];
    field.value = localMinute(milliseconds);
    typed({ target: field });
    field.focus();
  }

  function cancel() {
    drop();
    dialog.close();
  }

  function submitted(event) {
    event.preventDefault();
    if (!isBusy) attempt();
  }

  async function attempt() {
    clearTimeout(retry);
    if (!draft.pending && !prepare()) return showErrors();
    const { key, request } = draft.pending;
    problem = hindrance();
    if (problem) return render();
    if (draft.pending.isUnknown) problem = t("form.unknown");
    isBusy = true;
    keep();
    render();
    try {
      answer = (await (form.perform ? form.perform(request) : send(request.method, request.path, request.body, key, draft.username))) ?? null;
    } catch (error) {
      return failed(error);
    }
    drop();
    dialog.close();
    const said = form.done?.(answer, checked(form.fields, draft.values).values);
    if (said) notify(said);
    dispatchEvent(new CustomEvent("drafts"));
  }

  /** Make a change of what is typed, with a key of its own. Returns whether it can be sent. */
  function prepare() {
    const { values, errors: found } = checked(form.fields, draft.values);
    for (const { name } of form.fields) if (content.elements[name].validity.badInput) found[name] = t("form.moment");
    errors = found;
    if (Object.keys(found).length) return false;
    drop(); // somebody else may have logged in since the form was opened
    draft.username = who().username;
    draft.pending = { key: newKey(), request: form.perform ? values : form.request(values), fields: form.fields, since: Date.now() };
    return true;
  }

  /** What keeps a change from being sent again: to the service it would be another one. */
  function hindrance() {
    asksLogIn = Boolean(draft.pending.isUnknown) && draft.username !== who().username;
    if (asksLogIn) return draft.username ? t("form.another", { username: draft.username }) : t("form.nobody");
    return draft.pending.isUnknown && isTooOld(draft.pending) ? t("form.too_old") : null;
  }

  async function failed(error) {
    if (!(error instanceof Refusal || error instanceof Unreachable)) throw error;
    const { pending } = draft;
    pending.isUnknown ||= isKept && isUnknown(error);
    if (pending.isUnknown && (isUnknown(error) || isUntouched(error))) {
      const isHopeless = [403, 500].includes(error.status);
      problem = hindrance() ?? (isHopeless ? error.message : t("form.unknown"));
      if (dialog.open && !asksLogIn && !isHopeless) retry = setTimeout(attempt, RETRY_MILLISECONDS);
      isBusy = false;
      keep();
      render();
      return dispatchEvent(new CustomEvent("drafts"));
    }
    draft.pending = null; // nothing was changed, and what is sent next is another change
    asksLogIn = isKept && error.status === 401;
    problem = asksLogIn ? t("form.logged_out") : null;
    const known = form.fields.filter(({ name }) => error.fields?.[name]);
    for (const { name } of known) errors[name] = error.code === "VALIDATION_ERROR" ? error.fields[name] : error.message;
    if (!known.length) problem ??= (await form.refused?.(error).catch(() => null)) ?? error.message;
    if (form.request) keep();
    else drop();
    isBusy = false;
    showErrors();
    if (!dialog.open) notify(problem ?? error.message, "bad");
    dispatchEvent(new CustomEvent("drafts"));
  }

  async function logInAgain() {
    if (!(await askLogIn(draft.username))) return;
    asksLogIn = false;
    problem = null;
    if (draft.pending) return attempt();
    render();
    content.querySelector("[type=submit]").focus();
  }

  function showErrors() {
    render();
    content.querySelector("[aria-invalid=true]")?.focus();
  }

  return new Promise((resolve) => {
    // Escape closes the dialog, too, and keeps what is typed: it may have been a slip.
    dialog.addEventListener("close", () => {
      clearTimeout(retry);
      controller.abort();
      dialog.remove();
      dispatchEvent(new CustomEvent("drafts"));
      resolve(answer);
    });
    addEventListener("popstate", () => dialog.close(), { signal: controller.signal });
    addEventListener("online", () => draft.pending && !isBusy && attempt(), { signal: controller.signal });
    render();
    document.body.append(dialog);
    dialog.showModal();
    content.querySelector("input:not([readonly]), select:not([disabled])")?.focus();
    if (draft.pending) attempt();
  });
}

const isTooOld = ({ since }) => Date.now() - since > KEY_MILLISECONDS;

function row(field, id, value, error, isLocked, step) {
  const described = [error && `${id}-error`, field.hint && `${id}-hint`].filter(Boolean).join(" ");
  const common = {
    id,
    name: field.name,
    required: field.required,
    "aria-invalid": error ? "true" : null,
    "aria-describedby": described || null,
  };
  const control = field.type === "select"
    ? h("select", { ...common, disabled: isLocked }, field.options.map(([option, label]) => h("option", { value: option, selected: option === value }, label)))
    : h("input", {
        ...common,
        type: { moment: "datetime-local", password: "password" }[field.type] ?? "text",
        inputmode: field.type in LIMITS ? "decimal" : null,
        maxlength: field.maximum,
        autocomplete: field.autocomplete ?? "off",
        readonly: isLocked,
        value,
      });
  return h("div.field", { key: field.name }, [
    h("label", { for: id }, field.label, field.required ? null : [" ", h("span.optional", t("form.optional"))]),
    h("div.control", [control, field.unit && h("span.unit", field.unit)]),
    !isLocked && field.steps && h("div.chips", field.steps.map(([text, at]) => h("button.chip", { type: "button", onclick: () => step(field.name, at) }, text))),
    error && h("p.error", { id: `${id}-error` }, error),
    field.hint && h("p.hint", { id: `${id}-hint` }, field.hint),
  ]);
}

/** The typed values as the service takes them, and what is wrong with them. Empty ones are left out. */
function checked(fields, typed) {
  const values = {};
  const errors = {};
  for (const field of fields) {
    const text = field.type === "password" ? typed[field.name] : typed[field.name].trim();
    const [value, error] = text ? toValue(field, text) : [undefined, field.required && t("form.missing")];
    if (error) errors[field.name] = error;
    else if (value !== undefined) values[field.name] = value;
  }
  return { values, errors };
}

/** A value as the service takes it, or what is wrong with it. */
function toValue({ type, minimum }, text) {
  if (type === "moment") {
    const at = new Date(text);
    return minimum === "future" && at <= serverNow() ? [undefined, t("form.future")] : [at.toISOString()];
  }
  if (!(type in LIMITS)) return [text];
  const number = typedNumber(text);
  if (number === undefined) return [undefined, t("form.number")];
  if (!LIMITS[type].test(number)) return [undefined, t("form.digits")];
  if (minimum === "positive" && (number.startsWith("-") || isZero(number))) return [undefined, t("form.positive")];
  if (minimum === "zero" && number.startsWith("-")) return [undefined, t("form.zero")];
  return [number];
}

// Drafts: of this tab, and gone with it. Each is its user's own.

const nameOf = (username, id) => `${PREFIX}${username ?? ""}:${id}`;
const read = (name) => JSON.parse(sessionStorage.getItem(name));
