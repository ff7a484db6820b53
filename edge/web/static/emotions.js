// Names, glyphs and colours of emotions. A glyph tells an emotion as well as its colour does.

export const EMOTIONS = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"];
export const MODALITIES = { face: "Face", speech: "Voice", text: "Text", fused: "Together" };

const SVG = "http://www.w3.org/2000/svg";
const EYES = "M8.2 10v.6M15.8 10v.6";
const GLYPHS = {
  angry: `M6.4 7.6l3 1.6M17.6 7.6l-3 1.6${EYES}M8.4 16.6q3.6-2.6 7.2 0`,
  disgust: `M6.6 8.4l3 .8M17.4 7.6l-3 1.6${EYES}M7.8 15.4q2 1.6 4 0t4.4.4M12 15.6v2.4`,
  fear: `M6.4 8.6l3-1.8M17.6 8.6l-3-1.8${EYES}M7.8 16.2l1.4-1.2 1.4 1.2 1.4-1.2 1.4 1.2 1.4-1.2 1.4 1.2`,
  happy: `${EYES}M7.4 13.8q4.6 5.4 9.2 0`,
  neutral: `${EYES}M8 15.6h8`,
  sad: `M6.6 8.4l2.8-1.4M17.4 8.4l-2.8-1.4${EYES}M8 17q4-4 8 0`,
  surprise: `M6.8 7q1.4-1 2.8 0M14.4 7q1.4-1 2.8 0${EYES}M12 14.2a1.9 2.1 0 1 0 .01 0z`,
  unknown: "M9.4 9.4q.4-2.4 2.8-2.2 2.6.4 2.2 2.6-.4 1.4-2.2 2.2v1.6M12 16.6v.4",
};

export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// What to call an emotion that nobody is sure of.
export function nameOf(emotion) {
  return emotion === "unknown" ? "Not sure" : capital(emotion);
}

// The drawn face of an emotion, in the colour of the text around it.
export function glyph(emotion) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const disc = document.createElementNS(SVG, "circle");
  for (const [key, value] of Object.entries({ cx: 12, cy: 12, r: 11, fill: "currentColor" })) {
    disc.setAttribute(key, value);
  }
  const lines = document.createElementNS(SVG, "path");
  lines.setAttribute("d", GLYPHS[emotion] ?? GLYPHS.unknown);
  const drawn = {
    fill: "none",
    "stroke-width": 1.7,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  };
  for (const [key, value] of Object.entries(drawn)) {
    lines.setAttribute(key, value);
  }
  lines.style.stroke = "var(--card)";
  svg.append(disc, lines);
  return svg;
}

// The colour of an emotion in the current theme, for canvases.
export function colour(emotion) {
  return themed(`--${EMOTIONS.includes(emotion) ? emotion : "unknown"}`);
}

const probe = document.createElement("i");
const known = new Map();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => known.clear());

// A colour of base.css as a canvas takes it; custom properties keep light-dark() unresolved.
export function themed(property) {
  if (!known.has(property)) {
    probe.style.color = `var(${property})`;
    probe.hidden = true;
    document.body.append(probe);
    known.set(property, getComputedStyle(probe).color);
    probe.remove();
  }
  return known.get(property);
}
