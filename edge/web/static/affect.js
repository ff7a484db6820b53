// The plane of valence and arousal: where the belief is now, and where it came from.

import { colour, themed } from "./emotions.js";
import { signed } from "./ui.js";

const TRAIL_S = 8;

export class Affect {
  #canvas;
  #points = [];

  constructor(canvas) {
    this.#canvas = canvas;
    canvas.setAttribute("role", "img");
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.show([], 0);
  }

  show(points, now) {
    this.#points = points.filter((one) => one.emotion !== null && now - one.time < TRAIL_S);
    this.draw(now);
  }

  draw(now = this.#points.at(-1)?.time ?? 0) {
    const canvas = this.#canvas;
    const last = this.#points.at(-1);
    canvas.setAttribute(
      "aria-label",
      last
        ? `Valence ${signed(last.valence)}, arousal ${signed(last.arousal)}`
        : "Valence and arousal: nothing yet",
    );
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) {
      return;
    }
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#frame(g, width, height);
    const place = (one) => [
      width / 2 + one.valence * (width / 2 - 10),
      height / 2 - one.arousal * (height / 2 - 10),
    ];
    for (const one of this.#points) {
      const [x, y] = place(one);
      g.globalAlpha = Math.max(1 - (now - one.time) / TRAIL_S, 0) * 0.35;
      g.fillStyle = colour(one.emotion);
      g.beginPath();
      g.arc(x, y, 3.5, 0, 7);
      g.fill();
    }
    g.globalAlpha = 1;
    if (last) {
      const [x, y] = place(last);
      g.fillStyle = colour(last.emotion);
      g.strokeStyle = themed("--card");
      g.lineWidth = 3;
      g.beginPath();
      g.arc(x, y, 9, 0, 7);
      g.fill();
      g.stroke();
    }
  }

  #frame(g, width, height) {
    g.strokeStyle = themed("--line");
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(0, Math.round(height / 2) + 0.5);
    g.lineTo(width, Math.round(height / 2) + 0.5);
    g.moveTo(Math.round(width / 2) + 0.5, 0);
    g.lineTo(Math.round(width / 2) + 0.5, height);
    g.stroke();
    g.font = "12px system-ui, sans-serif";
    g.fillStyle = themed("--soft");
    const right = (text, y) => g.fillText(text, width - g.measureText(text).width - 4, y);
    if (width > 150) {
      g.fillText("unpleasant", 4, height / 2 - 5);
    }
    right("pleasant", height / 2 - 5);
    g.fillText("excited", width / 2 + 5, 13);
    g.fillText("calm", width / 2 + 5, height - 5);
  }
}
