// A timeline on a canvas: a ribbon of emotions over lines of valence and arousal.
// Points are {time, emotion, confidence, valence, arousal}, in order; emotion null where nothing
// was observed.

import { colour, nameOf, themed } from "./emotions.js";
import { percent } from "./ui.js";

const GUTTER = 84; // px for the names of the lanes
const NARROW = 560;
const RIBBON = 0.44; // share of the height
const AXIS = 22;
const MIN_TICK = 84; // px
const STEPS = [0.2, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800];
const FONT = "12px system-ui, sans-serif";

export class Timeline {
  #canvas;
  #points = [];
  #from = 0;
  #to = 60;
  #cursor = null;
  #gap;
  #label;
  #anchored;

  // `gap`: seconds without a point after which nothing is known; `label(seconds)` names a time.
  // With `anchored`, the marks keep their distance from the end instead of from zero.
  constructor(canvas, { gap = 1.5, label, anchored = false }) {
    this.#canvas = canvas;
    this.#gap = gap;
    this.#label = label;
    this.#anchored = anchored;
    canvas.setAttribute("role", "img");
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show(points, from, to, cursor = null) {
    this.#points = points;
    this.#from = from;
    this.#to = Math.max(to, from + 0.001);
    this.#cursor = cursor;
    this.draw();
  }

  // The time at a position on the canvas, in pixels from its left.
  timeAt(x) {
    const left = this.#left;
    const share = (x - left) / (this.#canvas.clientWidth - left);
    return this.#from + Math.min(Math.max(share, 0), 1) * (this.#to - this.#from);
  }

  get #left() {
    return this.#canvas.clientWidth < NARROW ? 0 : GUTTER;
  }

  draw() {
    const canvas = this.#canvas;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) {
      return;
    }
    const ratio = devicePixelRatio || 1;
    if (
      canvas.width !== Math.round(width * ratio) ||
      canvas.height !== Math.round(height * ratio)
    ) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    g.font = FONT;
    const area = { left: this.#left, right: width, top: 0, bottom: height - AXIS };
    const ribbon = { ...area, bottom: Math.round((height - AXIS) * RIBBON) };
    const lines = { ...area, top: ribbon.bottom + 14 };
    this.#axis(g, area, height);
    this.#ribbon(g, ribbon);
    const middle = (lines.top + lines.bottom) / 2;
    this.#line(g, { ...lines, bottom: middle - 3 }, "valence", "Valence");
    this.#line(g, { ...lines, top: middle + 3 }, "arousal", "Arousal");
    this.#pointer(g, area);
    canvas.setAttribute("aria-label", this.summary());
  }

  // One sentence for who cannot see the picture.
  summary() {
    const seconds = new Map();
    for (const [point, end] of this.#spans()) {
      const name = point.emotion;
      seconds.set(name, (seconds.get(name) ?? 0) + end - point.time);
    }
    const total = [...seconds.values()].reduce((sum, one) => sum + one, 0);
    if (!total) {
      return "Timeline: nothing yet";
    }
    const parts = [...seconds].sort((a, b) => b[1] - a[1]);
    return `Timeline: ${parts.map(([name, length]) => `${nameOf(name)} ${percent(length / total)}`).join(", ")}`;
  }

  // Each point with the time at which the next one takes over.
  #spans() {
    const spans = [];
    this.#points.forEach((point, index) => {
      const next = this.#points[index + 1];
      const end = Math.min(next ? next.time : this.#to, point.time + this.#gap, this.#to);
      if (point.emotion !== null && end > this.#from && point.time < this.#to) {
        spans.push([point, end]);
      }
    });
    return spans;
  }

  #x(area, time) {
    const share = (time - this.#from) / (this.#to - this.#from);
    return area.left + Math.max(share, 0) * (area.right - area.left);
  }

  #axis(g, area, height) {
    const length = this.#to - this.#from;
    const most = Math.min((area.right - area.left) / MIN_TICK, 8);
    const step = STEPS.find((one) => length / one <= most) ?? STEPS.at(-1);
    const first = this.#anchored
      ? this.#to - Math.floor(length / step) * step
      : this.#from - (this.#from % step);
    g.fillStyle = themed("--soft");
    g.strokeStyle = themed("--line");
    g.lineWidth = 1;
    for (let time = first; time <= this.#to + 1e-6; time += step) {
      if (time < this.#from) {
        continue;
      }
      const x = Math.round(this.#x(area, time)) + 0.5;
      g.beginPath();
      g.moveTo(x, area.top);
      g.lineTo(x, area.bottom);
      g.stroke();
      const text = this.#label ? this.#label(time) : `${time}`;
      const half = g.measureText(text).width / 2;
      g.fillText(text, Math.min(Math.max(x - half, area.left), area.right - 2 * half), height - 5);
    }
  }

  // The height is the confidence; a run that is long enough is named.
  #ribbon(g, area) {
    this.#name(g, area, "Emotion");
    const height = area.bottom - area.top - 18;
    let run = null;
    const named = [];
    for (const [point, end] of this.#spans()) {
      const [x, right] = [this.#x(area, point.time), this.#x(area, end)];
      const tall = Math.max(point.confidence * height, 3);
      g.fillStyle = colour(point.emotion);
      g.fillRect(Math.floor(x), area.bottom - tall, Math.ceil(right) - Math.floor(x), tall);
      if (run && run.emotion === point.emotion && x - run.right < 2) {
        run.right = right;
        run.tall = Math.max(run.tall, tall);
      } else {
        run = { emotion: point.emotion, left: x, right, tall };
        named.push(run);
      }
    }
    g.fillStyle = themed("--ink");
    for (const one of named) {
      const text = nameOf(one.emotion);
      if (g.measureText(text).width + 6 < one.right - one.left) {
        g.fillText(text, one.left + 2, area.bottom - one.tall - 5);
      }
    }
  }

  #line(g, area, key, name) {
    const [middle, half] = [(area.top + area.bottom) / 2, (area.bottom - area.top) / 2];
    this.#name(g, { left: area.left, bottom: middle + 8 }, name);
    g.strokeStyle = themed("--edge");
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(area.left, Math.round(middle) + 0.5);
    g.lineTo(area.right, Math.round(middle) + 0.5);
    g.stroke();
    for (const run of this.#runs()) {
      const path = new Path2D();
      run.forEach((point, index) => {
        const [x, y] = [this.#x(area, point.time), middle - point[key] * half];
        index ? path.lineTo(x, y) : path.moveTo(x, y);
      });
      const last = run[run.length - 1];
      path.lineTo(this.#x(area, last.end), middle - last[key] * half);
      const filled = new Path2D(path);
      filled.lineTo(this.#x(area, last.end), middle);
      filled.lineTo(this.#x(area, run[0].time), middle);
      g.fillStyle = themed("--accent");
      g.globalAlpha = 0.16;
      g.fill(filled);
      g.globalAlpha = 1;
      g.strokeStyle = themed("--accent");
      g.lineWidth = 2;
      g.lineJoin = "round";
      g.stroke(path);
    }
    if (!area.left) {
      g.fillStyle = themed("--soft");
      g.fillText(name, 2, area.top + 10);
    }
  }

  #runs() {
    const runs = [];
    for (const [point, end] of this.#spans()) {
      const run = runs[runs.length - 1];
      if (run && Math.abs(run[run.length - 1].end - point.time) < 1e-6) {
        run.push({ ...point, end });
      } else {
        runs.push([{ ...point, end }]);
      }
    }
    return runs;
  }

  #name(g, area, text) {
    if (area.left) {
      g.fillStyle = themed("--soft");
      g.fillText(text, 0, area.bottom - 4);
    }
  }

  #pointer(g, area) {
    if (this.#cursor === null) {
      return;
    }
    const x = Math.round(this.#x(area, this.#cursor)) + 0.5;
    g.strokeStyle = themed("--ink");
    g.lineWidth = 2;
    g.beginPath();
    g.moveTo(x, area.top);
    g.lineTo(x, area.bottom);
    g.stroke();
  }
}
