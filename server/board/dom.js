/**
 * Elements, and the patch that makes the shown elements equal to newly rendered ones.
 *
 * A page renders all of itself from its data. The patch keeps what is equal, so that the focus, what is typed, and the
 * scroll position stay. No text is ever read as HTML.
 */

const SVG = "http://www.w3.org/2000/svg";
const handlersOf = new WeakMap();

/**
 * An element: h("td.number", {title: "exact"}, "12", child).
 *
 * Properties: `on…` is a handler; `key` tells rows of a list apart; `style` is an object of CSS properties; `own` is true
 * for an element whose inside the patch leaves alone; all others are attributes. null, undefined and false are left out.
 */
export function h(selector, ...rest) {
  return make(document.createElement(tag(selector)), selector, rest);
}

/** The same for SVG. */
export function svg(selector, ...rest) {
  return make(document.createElementNS(SVG, tag(selector)), selector, rest);
}

function tag(selector) {
  return selector.split(".", 1)[0] || "div";
}

function make(element, selector, rest) {
  const [first] = rest;
  const isProperties = first !== null && typeof first === "object" && !(first instanceof Node) && !Array.isArray(first);
  const { class: more, ...properties } = isProperties ? rest.shift() : {};
  const classes = [...selector.split(".").slice(1), ...(more ? more.split(" ") : [])];
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) listen(element, name.slice(2), value);
    else if (name === "key") element.dataset.key = value;
    else if (name === "own") element.dataset.own = "";
    else if (name === "style") for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...rest.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A handler that the patch can replace: the element listens once to each kind of event. */
function listen(element, type, handler) {
  let handlers = handlersOf.get(element);
  if (!handlers) handlersOf.set(element, (handlers = new Map()));
  if (!handlers.has(type)) element.addEventListener(type, (event) => handlers.get(type)?.(event));
  handlers.set(type, handler);
}

/** Make a shown node equal to a rendered one. Returns the node that is shown then. */
export function patch(shown, rendered) {
  if (!isSame(shown, rendered)) {
    shown.replaceWith(rendered);
    return rendered;
  }
  if (shown.nodeType === Node.TEXT_NODE) {
    if (shown.data !== rendered.data) shown.data = rendered.data;
    return shown;
  }
  const isChanged = shown.classList.contains("live") && shown.textContent !== rendered.textContent;
  patchAttributes(shown, rendered);
  patchHandlers(shown, rendered);
  if (shown.dataset.own === undefined) patchChildren(shown, rendered);
  if (isChanged) flash(shown);
  return shown;
}

function isSame(shown, rendered) {
  return shown.nodeName === rendered.nodeName && shown.dataset?.key === rendered.dataset?.key;
}

function patchAttributes(shown, rendered) {
  // What is typed stays, until the page says something else.
  const isOther = shown.nodeName === "INPUT" && shown.getAttribute("value") !== rendered.getAttribute("value");
  for (const { name } of [...shown.attributes]) {
    if (!rendered.hasAttribute(name) && !(name === "open" && shown.nodeName === "DETAILS")) shown.removeAttribute(name);
  }
  for (const { name, value } of rendered.attributes) {
    if (shown.getAttribute(name) === value) continue;
    if (name === "style") shown.style.cssText = value; // the policy forbids the attribute, not the property
    else shown.setAttribute(name, value);
  }
  if (isOther && shown !== document.activeElement && !shown.validity.badInput) shown.value = rendered.value;
}

function patchHandlers(shown, rendered) {
  for (const type of handlersOf.get(shown)?.keys() ?? []) handlersOf.get(shown).set(type, undefined);
  for (const [type, handler] of handlersOf.get(rendered) ?? []) listen(shown, type, handler);
}

function patchChildren(shown, rendered) {
  const byKey = new Map();
  for (const child of shown.children) if (child.dataset.key !== undefined) byKey.set(child.dataset.key, child);
  let place = shown.firstChild;
  for (const child of [...rendered.childNodes]) {
    const key = child.dataset?.key;
    const match = key === undefined ? place : byKey.get(key);
    if (match && isSame(match, child)) {
      if (match === place) place = place.nextSibling;
      else shown.insertBefore(match, place);
      patch(match, child);
    } else {
      shown.insertBefore(child, place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

/** Let the eye find what has changed. An animation of its own: a class that begins anew costs a layout for each number. */
function flash(element) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const mark = { backgroundColor: "var(--warn-soft)", boxShadow: "0 0 0 4px var(--warn-soft)", borderRadius: "3px" };
  const rest = { backgroundColor: "transparent", boxShadow: "0 0 0 4px transparent", borderRadius: "3px" };
  element.animate([mark, rest], { duration: 1200, easing: "ease-out" });
}
