/**
 * Words, numbers and times in the viewer's language and zone.
 *
 * A language is one file, like en.json: texts by their key, with values in braces. A text that depends on a number is an
 * object of forms, by the categories of Intl.PluralRules. To add a language: its file, and its name in LANGUAGES.
 */

export const LANGUAGES = { en: "English", de: "Deutsch" };

let texts = {};
let language = "en";
let locale = "en";
let plurals = new Intl.PluralRules("en");
let formats = {};
let serverAhead = null; // milliseconds, by how many the server's clock is ahead: {least, most}

/** Load a language: the one that was chosen, else the first of the browser's that is there. */
export async function loadLanguage(chosen) {
  const wanted = [chosen, ...navigator.languages].filter(Boolean);
  const found = wanted.find((tag) => LANGUAGES[tag.split("-")[0]]) ?? "en";
  const next = found.split("-")[0];
  const answer = await fetch(`/board/files/${next}.json`);
  if (!answer.ok) throw new Error(`the texts of ${next} are missing`);
  texts = await answer.json();
  language = next;
  // The browser's own region decides how numbers are written, where the language is the same.
  locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
  plurals = new Intl.PluralRules(locale);
  const short = { dateStyle: "medium", timeStyle: "short" };
  formats = {
    quantity: new Intl.NumberFormat(locale, { maximumFractionDigits: 3 }),
    signed: new Intl.NumberFormat(locale, { maximumFractionDigits: 3, signDisplay: "exceptZero" }),
    money: new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 3 }),
    compact: new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 }),
    percent: new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }),
    moment: new Intl.DateTimeFormat(locale, short),
    exact: new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "long" }),
    time: new Intl.DateTimeFormat(locale, { timeStyle: "short" }),
    day: new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" }),
    relative: new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "long" }),
  };
  document.documentElement.lang = language;
}

export const currentLanguage = () => language;

/** The text of a key. `values` fill the braces; `values.count` chooses among the forms. */
export function t(key, values = {}) {
  let text = texts[key];
  if (text === undefined) throw new Error(`no text ${key}`);
  if (typeof text === "object") text = text[plurals.select(Number(values.count))] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Whether there is such a text: of codes and kinds that a newer service may have added. */
export const hasText = (key) => texts[key] !== undefined;

// Numbers come as their exact text. Intl.NumberFormat reads it without loss.
export const quantity = (text) => (text === null || text === undefined ? "–" : formats.quantity.format(text));
export const signed = (text) => formats.signed.format(text);
export const money = (text) => (text === null || text === undefined ? "–" : formats.money.format(text));
export const compact = (number) => formats.compact.format(number);
export const percent = (share) => formats.percent.format(share);

/** A number as people type it, as JSON has it: "1.234,5" is "1234.5" in German. undefined: it is none. */
export function typedNumber(text) {
  const parts = formats.quantity.formatToParts(12345.6);
  const decimal = parts.find((part) => part.type === "decimal").value;
  const group = parts.find((part) => part.type === "group")?.value ?? ",";
  let plain = text.trim().replace(/[\s\u00a0\u202f’']/g, "");
  // "1.5" and "0.125" in German have decimals: they cannot be groups of thousands.
  const isGrouped = new RegExp(`^[+-]?[1-9]\\d{0,2}(\\${group}\\d{3})+(\\${decimal}\\d+)?$`).test(plain);
  if (isGrouped) plain = plain.replaceAll(group, "");
  plain = plain.replace(decimal, ".");
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? plain.replace(/^\+/, "").replace(/^(-?)\./, "$10.").replace(/\.$/, "") : undefined;
}

/** A number of an answer as people type it: what typedNumber reads back. */
export function asTyped(text) {
  const decimal = formats.quantity.formatToParts(1.5).find((part) => part.type === "decimal").value;
  return (text ?? "").replace(".", decimal);
}

/** The instant that an answer names. Some APIs leave out the zone, which is UTC. */
export function instant(text) {
  return new Date(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
}

/**
 * Learn from an answer's Date how far the server's clock is ahead: ends of blocks are its instants. The header has whole
 * seconds, so one answer leaves a second open, and many leave little. `sent`: when the request began.
 */
export function setServerTime(header, sent) {
  const at = Date.parse(header);
  if (Number.isNaN(at)) return;
  const seen = { least: at - Date.now(), most: at + 1000 - sent };
  const least = Math.max(seen.least, serverAhead?.least ?? -Infinity);
  const most = Math.min(seen.most, serverAhead?.most ?? Infinity);
  serverAhead = least <= most ? { least, most } : seen; // a clock was set
}

export const serverNow = () => Date.now() + (serverAhead ? (serverAhead.least + serverAhead.most) / 2 : 0);

/** The first whole minute from an instant on, in the viewer's zone, as a date and time field has it. */
export function localMinute(milliseconds) {
  const minute = Math.ceil(milliseconds / 60_000) * 60_000;
  return new Date(minute - new Date(minute).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export const moment = (text) => formats.moment.format(instant(text));
export const exactMoment = (text) => `${formats.exact.format(instant(text))} (${instant(text).toISOString()})`;
export const clockTime = (text) => formats.time.format(instant(text));
/** A calendar day, "2026-11-22". */
export const day = (text) => formats.day.format(new Date(`${text}T00:00:00Z`));
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

const STEPS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** "3 minutes ago". */
export function ago(text) {
  const seconds = Math.round((instant(text) - serverNow()) / 1000);
  const [unit, length] = STEPS.find(([, step]) => Math.abs(seconds) >= step) ?? STEPS.at(-1);
  return formats.relative.format(Math.trunc(seconds / length), unit);
}

/** What is left until an instant: "4:07", "2:00:15", "3 d 04:12". */
export function left(text) {
  const seconds = Math.max(0, Math.ceil((instant(text) - serverNow()) / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [days, hours] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24];
  const [minutes, rest] = [Math.floor(seconds / 60) % 60, seconds % 60];
  if (days) return `${days} ${t("time.days")} ${two(hours)}:${two(minutes)}`;
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
