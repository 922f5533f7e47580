/**
 * Forms in a dialog, each one change of the service.
 *
 * What is typed is kept in this tab until the service has answered, also over a reload. A change that may or may not have
 * been made is sent again with the same Idempotency-Key until it has an answer: it can not be made twice.
 */

import { h, patch } from "./dom.js";
import { newKey, Refusal, send, Unreachable } from "./api.js";
import { notify } from "./parts.js";
import { t, typedNumber } from "./texts.js";

const RETRY_MILLISECONDS = 3000;
const PREFIX = "draft:";
const STILL_RUNNING = "IDEMPOTENCY_KEY_IN_USE";

/**
 * A form. Fields: {name, label, type, value, required, hint, unit, options, minimum}; `type` is text, quantity, money,
 * moment (a date and time in the viewer's zone), select (`options`: pairs of value and label), password or secret.
 *
 * @typedef {object} Form
 * @property {string} id            of the draft: what is changed, and how
 * @property {string} title
 * @property {Node}   [intro]       what the form is about
 * @property {object[]} fields
 * @property {string} submit        the button's text
 * @property {boolean} [isDangerous]
 * @property {(values: object) => {method: string, path: string, body: object}} request
 * @property {(answer: object|null, values: object) => string|void} done  what to tell when it was made
 */

/** Open a form. Resolves when it closes: to the answer, or undefined. */
export function openForm(form) {
  const draft = readDraft(form.id);
  const state = {
    values: { ...Object.fromEntries(form.fields.map((field) => [field.name, field.value ?? ""])), ...draft?.values },
    errors: {},
    problem: null,
    // Set while it is not known whether a change was made: {key, request}. Nothing can be edited then.
    pending: draft?.pending ?? null,
    isBusy: false,
  };
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers?.() ?? deferred();
  const dialog = h("dialog.form", { "aria-labelledby": "form-title" });
  let content = dialog.appendChild(h("div"));
  let retry;

  function render() {
    content = patch(content, h("form", { novalidate: true, onsubmit: submitted, oninput: typed }, [
      h("h2", { id: "form-title" }, form.title),
      form.intro?.cloneNode(true),
      state.problem && h("p.problem", { role: "alert" }, state.problem),
      form.fields.map((field) => row(field, state)),
      h("div.buttons", [
        h("button", { type: "button", onclick: () => close(undefined) }, state.pending ? t("form.later") : t("form.cancel")),
        h("button.primary", { type: "submit", class: form.isDangerous ? "danger" : "", "aria-disabled": state.isBusy ? "true" : null },
          state.isBusy ? t("form.sending") : state.pending ? t("form.again") : form.submit),
      ]),
    ]));
  }

  function typed(event) {
    const { name, value } = event.target;
    state.values[name] = value;
    delete state.errors[name];
    if (!form.fields.some((field) => field.type === "password")) writeDraft(form, state);
  }

  function submitted(event) {
    event.preventDefault();
    if (!state.isBusy) attempt();
  }

  async function attempt() {
    clearTimeout(retry);
    state.problem = null;
    if (!state.pending) {
      const { values, errors } = checked(form.fields, state.values);
      state.errors = errors;
      if (Object.keys(errors).length) return showErrors();
      state.pending = { key: newKey(), request: form.request(values), title: form.title };
    }
    state.isBusy = true;
    writeDraft(form, state);
    render();
    const { key, request } = state.pending;
    try {
      const answer = form.perform ? await form.perform(request) : await send(request.method, request.path, request.body, key);
      dropDraft(form.id);
      const said = form.done?.(answer, state.values);
      if (said) notify(said);
      close(answer ?? null);
    } catch (error) {
      state.isBusy = false;
      if (error instanceof Unreachable || error.code === STILL_RUNNING) {
        state.problem = t("form.unknown");
        if (dialog.open) retry = setTimeout(attempt, RETRY_MILLISECONDS);
        writeDraft(form, state);
        return render();
      }
      if (!(error instanceof Refusal)) throw error;
      state.pending = null; // refused: nothing was changed, and what is sent next is another change
      const known = Object.keys(error.fields).filter((name) => form.fields.some((field) => field.name === name));
      for (const name of known) state.errors[name] = error.fields[name];
      if (!known.length) state.problem = error.message;
      writeDraft(form, state);
      showErrors();
    }
  }

  function showErrors() {
    render();
    content.querySelector("[aria-invalid=true]")?.focus();
  }

  function close(answer) {
    clearTimeout(retry);
    controller.abort();
    if (answer === undefined && !state.pending) dropDraft(form.id);
    dialog.close();
    dialog.remove();
    dispatchEvent(new CustomEvent("drafts"));
    resolve(answer);
  }

  dialog.addEventListener("cancel", (event) => (event.preventDefault(), close(undefined)));
  addEventListener("online", () => state.pending && !state.isBusy && attempt(), { signal: controller.signal });
  render();
  document.body.append(dialog);
  dialog.showModal();
  content.querySelector("input:not([readonly]), select, textarea")?.focus();
  if (state.pending) attempt();
  return promise;
}

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve) => (parts.resolve = resolve));
  return parts;
}

function row(field, state) {
  const id = `field-${field.name}`;
  const error = state.errors[field.name];
  const described = [error && `${id}-error`, field.hint && `${id}-hint`].filter(Boolean).join(" ");
  const common = {
    id,
    name: field.name,
    required: field.required,
    readonly: state.pending ? true : null,
    "aria-invalid": error ? "true" : null,
    "aria-describedby": described || null,
    autocomplete: field.autocomplete ?? "off",
  };
  const value = state.values[field.name];
  const control = {
    select: () => h("select", { ...common, disabled: Boolean(state.pending) },
      field.options.map(([option, label]) => h("option", { value: option, selected: option === value }, label))),
    moment: () => h("input", { ...common, type: "datetime-local", value }),
    quantity: () => h("input", { ...common, type: "text", inputmode: "decimal", value }),
    money: () => h("input", { ...common, type: "text", inputmode: "decimal", value }),
    password: () => h("input", { ...common, type: "password", value }),
  }[field.type] ?? (() => h("input", { ...common, type: "text", value }));
  return h("div.field", { key: field.name }, [
    h("label", { for: id }, field.label, field.required ? null : h("span.optional", t("form.optional"))),
    h("div.control", [control(), field.unit && h("span.unit", field.unit)]),
    error && h("p.error", { id: `${id}-error` }, error),
    field.hint && h("p.hint", { id: `${id}-hint` }, field.hint),
  ]);
}

/** The typed values as the service takes them, and what is wrong with them. Empty ones are left out. */
export function checked(fields, typed) {
  const values = {};
  const errors = {};
  for (const field of fields) {
    const text = field.type === "password" ? typed[field.name] : typed[field.name].trim();
    if (!text) {
      if (field.required) errors[field.name] = t("form.missing");
      continue;
    }
    if (field.type === "quantity" || field.type === "money") {
      const number = typedNumber(text);
      if (number === undefined) errors[field.name] = t("form.number");
      else if (field.minimum === "positive" && !/[1-9]/.test(number)) errors[field.name] = t("form.positive");
      else if (field.minimum !== undefined && number.startsWith("-")) errors[field.name] = t("form.positive");
      else values[field.name] = number;
    } else if (field.type === "moment") {
      values[field.name] = new Date(text).toISOString();
    } else {
      values[field.name] = text;
    }
  }
  return { values, errors };
}

// Drafts: of this tab, and gone with it. Never a password.

function readDraft(id) {
  return JSON.parse(sessionStorage.getItem(PREFIX + id) ?? "null");
}

function writeDraft(form, { values, pending }) {
  if (form.isSecret) return;
  sessionStorage.setItem(PREFIX + form.id, JSON.stringify({ values, pending }));
}

function dropDraft(id) {
  sessionStorage.removeItem(PREFIX + id);
}

/** The changes that have no answer yet, of forms that were closed or lost: [{id, pending}]. */
export function unanswered() {
  return Object.keys(sessionStorage)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => ({ id: name.slice(PREFIX.length), pending: readDraft(name.slice(PREFIX.length)).pending }))
    .filter((draft) => draft.pending);
}

/** Send a change that has no answer yet again, with its own key. */
export function openUnanswered({ id, pending }) {
  return openForm({
    id,
    title: pending.title,
    fields: [],
    submit: t("form.again"),
    request: () => pending.request,
    done: () => t("form.answered"),
  });
}
