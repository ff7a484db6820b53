// Draws a box, a name and a bar for each face over a picture.

import { colour, nameOf, themed } from "./emotions.js";
import { percent } from "./ui.js";

const LABEL = 44; // px

// `faces` are results with a box in pixels of a picture of `size`; `beliefs` are by subject.
// With `mirrored`, the picture beneath is shown as in a mirror.
export function drawBoxes(canvas, size, faces, beliefs, mirrored = false) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (!size.width) {
    return;
  }
  // As CSS places the picture with object-fit: contain.
  const scale = Math.min(width / size.width, height / size.height);
  const [dx, dy] = [(width - size.width * scale) / 2, (height - size.height * scale) / 2];
  for (const face of faces) {
    if (!face.box) {
      continue;
    }
    const belief = beliefs.get(face.subject) ?? face;
    const { left, right, top, bottom } = face.box;
    const x = dx + (mirrored ? size.width - right : left) * scale;
    drawFace(
      g,
      { x, y: dy + top * scale, w: (right - left) * scale, h: (bottom - top) * scale },
      belief,
      height,
    );
  }
}

function drawFace(g, { x, y, w, h }, belief, height) {
  g.lineWidth = 3;
  g.strokeStyle = colour(belief.emotion);
  g.beginPath();
  g.roundRect(x, y, w, h, 10);
  g.stroke();
  g.font = "600 14px system-ui, sans-serif";
  const isSure = belief.emotion !== "unknown";
  const text = nameOf(belief.emotion) + (isSure ? ` ${percent(belief.confidence)}` : "");
  const person = `Person ${belief.subject}`;
  const named = g.measureText(text).width;
  g.font = "12px system-ui, sans-serif";
  const numbered = g.measureText(person).width;
  const wide = Math.max(named + numbered + 32, w);
  const labelY = y + h + 6 + LABEL < height ? y + h + 6 : Math.max(y - LABEL - 6, 0);
  g.fillStyle = themed("--card");
  g.beginPath();
  g.roundRect(x, labelY, wide, LABEL, 8);
  g.fill();
  g.fillStyle = themed("--soft");
  g.fillText(person, x + wide - numbered - 10, labelY + 19);
  g.fillStyle = themed("--ink");
  g.font = "600 14px system-ui, sans-serif";
  g.fillText(text, x + 10, labelY + 20);
  g.fillStyle = themed("--well");
  g.beginPath();
  g.roundRect(x + 10, labelY + 29, wide - 20, 6, 3);
  g.fill();
  g.fillStyle = colour(belief.emotion);
  g.beginPath();
  g.roundRect(x + 10, labelY + 29, Math.max((wide - 20) * belief.confidence, 6), 6, 3);
  g.fill();
}
