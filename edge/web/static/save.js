// Saves results as a file, JSON or CSV.

import { EMOTIONS } from "./emotions.js";
import { h } from "./ui.js";

export function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// One row per result: of a picture each face, of a clip the whole and each moment.
export function asCsv(items) {
  const head = [
    "input",
    "time_s",
    "modality",
    "subject",
    "emotion",
    "confidence",
    "valence",
    "arousal",
    "quality",
    ...EMOTIONS,
  ];
  const rows = items.flatMap(({ input, kind, result }) => {
    if (kind === "image") {
      return result.results.map((one) => row(input, "", one));
    }
    if (kind === "video") {
      const whole = [result.face, result.speech, result.fused]
        .filter(Boolean)
        .map((one) => row(input, "", one));
      const moments = result.timeline.flatMap((moment) =>
        ["face", "speech", "fused"]
          .filter((one) => moment[one])
          .map((one) => row(input, moment.time_s, moment[one])),
      );
      return [...whole, ...moments];
    }
    return [row(input, "", result)];
  });
  return [head, ...rows].map((one) => one.map(quoted).join(",")).join("\r\n");
}

function row(input, time, one) {
  return [
    input,
    time,
    one.modality,
    one.subject,
    one.emotion,
    one.confidence,
    one.valence,
    one.arousal,
    one.quality,
    ...EMOTIONS.map((name) => one.probabilities[name]),
  ];
}

// Quotes a cell; a name that a spreadsheet would take for a formula gets an apostrophe.
function quoted(cell) {
  const text = typeof cell === "string" && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
