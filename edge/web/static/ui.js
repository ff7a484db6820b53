// Small helpers to build the page: elements, numbers, emotions, shares.

import { EMOTIONS, MODALITIES, glyph, nameOf } from "./emotions.js";

// Creates an element. Children that are text become text, never markup.
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) {
      node.addEventListener(key.slice(2), value);
    } else if (key === "data") {
      Object.assign(node.dataset, value);
    } else if (value === true) {
      node.setAttribute(key, "");
    } else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(key, value);
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// Sets the text of a node if it changed, so that a screen reader is not told again.
export function show(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

export const percent = (share) => `${Math.round(share * 100)} %`;
export const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);

export function clock(seconds) {
  const whole = Math.max(Math.round(seconds), 0);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function emotion(name) {
  const node = h(
    "span",
    { class: "emotion", data: { emotion: name } },
    glyph(name),
    h("span", {}, nameOf(name)),
  );
  return node;
}

// Changes an element made by `emotion`; `text` stands in for the name of the emotion.
export function setEmotion(node, name, text = nameOf(name)) {
  if (node.dataset.emotion !== name) {
    node.dataset.emotion = name;
    node.firstChild.replaceWith(glyph(name));
  }
  show(node.lastChild, text);
}

// A bar from 0 to 1 that assistive technology reads as a meter.
export function track(label, value, tone = null) {
  const fill = h("i");
  const node = h(
    "div",
    { class: "track", role: "meter", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 1 },
    fill,
  );
  setTrack(node, value, tone);
  return node;
}

export function setTrack(node, value, tone = null) {
  node.setAttribute("aria-valuenow", value.toFixed(2));
  node.firstChild.style.width = `${Math.min(Math.max(value, 0), 1) * 100}%`;
  if (tone !== null) {
    node.dataset.emotion = tone;
  }
}

// A bar from the middle, for a value from -1 to 1.
export function signedTrack(label, value) {
  const node = h(
    "div",
    {
      class: "track signed",
      role: "meter",
      "aria-label": label,
      "aria-valuemin": -1,
      "aria-valuemax": 1,
    },
    h("i"),
  );
  setSigned(node, value);
  return node;
}

export function setSigned(node, value) {
  node.setAttribute("aria-valuenow", value.toFixed(2));
  const half = Math.min(Math.abs(value), 1) * 50;
  node.firstChild.style.left = `${value < 0 ? 50 - half : 50}%`;
  node.firstChild.style.width = `${half}%`;
}

// The seven probabilities, the emotions in their fixed order, as a list of bars.
export function probabilities(values) {
  return h(
    "ul",
    { class: "probabilities" },
    EMOTIONS.map((name) =>
      h(
        "li",
        {},
        emotion(name),
        track(nameOf(name), values[name] ?? 0, name),
        h("span", { class: "figure" }, percent(values[name] ?? 0)),
      ),
    ),
  );
}

// Shares of the modalities as one divided bar with its legend.
export function shares(contributions) {
  const names = Object.keys(MODALITIES).filter((name) => contributions[name] > 0);
  const others = Object.keys(contributions).filter((name) => !(name in MODALITIES));
  const parts = [...names, ...others];
  const label = parts
    .map((name) => `${MODALITIES[name] ?? name} ${percent(contributions[name])}`)
    .join(", ");
  const bar = h("div", { class: "shares", role: "img", "aria-label": label || "nothing yet" });
  for (const name of parts) {
    const part = h("i", { data: { part: name } });
    part.style.flexGrow = contributions[name];
    bar.append(part);
  }
  const legend = h(
    "ul",
    { class: "legend" },
    parts.map((name) =>
      h(
        "li",
        { data: { part: name } },
        `${MODALITIES[name] ?? name} ${percent(contributions[name])}`,
      ),
    ),
  );
  return h("div", {}, bar, legend);
}

// Tells a screen reader something, once.
export function announce(text) {
  show(document.getElementById("announcer"), text);
}

export async function fetchJson(url, options) {
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new Error("The server does not answer. Is `emotiond serve` still running?");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Error(body.error ?? `The server answers ${answer.status}.`);
  }
  return body;
}

// What the address names after its #; empty if it is damaged.
export function wanted() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}
