// The last hour of a device as one small ribbon.

import { colour, nameOf, themed } from "./emotions.js";

const HOUR_S = 3600;
const HELD_S = 30; // without news for longer, nothing is known

// `history` has the points of /api/devices: [time, emotion, confidence, valence, arousal].
export function drawHistory(canvas, history) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width) {
    return;
  }
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  const now = Date.now() / 1000;
  const x = (time) => Math.max(1 - (now - time) / HOUR_S, 0) * width;
  g.fillStyle = themed("--line");
  g.fillRect(0, height - 1, width, 1);
  const seconds = new Map();
  history.forEach(([time, emotion, confidence], index) => {
    const end = Math.min(history[index + 1]?.[0] ?? now, time + HELD_S);
    if (!confidence) {
      return;
    }
    seconds.set(emotion, (seconds.get(emotion) ?? 0) + end - time);
    const tall = Math.max(confidence * (height - 2), 2);
    g.fillStyle = colour(emotion);
    g.fillRect(
      Math.floor(x(time)),
      height - tall,
      Math.max(Math.ceil(x(end)) - Math.floor(x(time)), 1),
      tall,
    );
  });
  const most = [...seconds].sort((a, b) => b[1] - a[1])[0];
  canvas.setAttribute("role", "img");
  canvas.setAttribute(
    "aria-label",
    most ? `Last hour: mostly ${nameOf(most[0]).toLowerCase()}` : "Last hour: nothing",
  );
}
