// Try it: the browser's own camera and microphone, live.

import { LastMinute, Now, Voices } from "./belief.js";
import { drawBoxes } from "./boxes.js";
import { Capture } from "./capture.js";
import { fetchJson, h, show } from "./ui.js";

const HINTS = {
  face: "Starts with the camera",
  speech: "Starts with the microphone",
  text: "Type a sentence",
};
const LATENCIES = 60; // of the newest pictures, for the median

export function tryView(main) {
  const video = h("video", { playsinline: true, muted: true, "aria-label": "Your camera" });
  video.muted = true;
  const overlay = h("canvas", { class: "overlay", "aria-hidden": "true" });
  const button = h("button", { class: "primary", type: "button" }, "Start camera and microphone");
  const hint = h("p", {}, "Your picture appears here, with a box around each face.");
  const note = h("div", { class: "stage-note" }, button, hint);
  const stop = h("button", { type: "button", hidden: true }, "Stop");
  const latency = h("span", { class: "latency" });
  const problem = h("p", { class: "notice", role: "alert", hidden: true });
  const sentence = h("input", {
    type: "text",
    id: "sentence",
    maxlength: 500,
    placeholder: "Say it in words …",
  });
  const say = h("button", { type: "submit" }, "Read");
  const form = h(
    "form",
    { class: "say" },
    h("label", { class: "hidden", for: "sentence" }, "A sentence"),
    sentence,
    say,
  );
  const meter = h(
    "div",
    {
      class: "meter",
      role: "meter",
      "aria-label": "Loudness",
      "aria-valuemin": 0,
      "aria-valuemax": 1,
      "aria-valuenow": 0,
    },
    h("i"),
  );
  const [belief, voices, minute] = [new Now(), new Voices(HINTS), new LastMinute()];
  voices.add("speech", meter);

  main.append(
    h(
      "div",
      { class: "head" },
      h(
        "div",
        {},
        h("h1", {}, "Try it"),
        h(
          "p",
          {},
          "Your picture and sound go to this server alone, are read at once, and are kept nowhere. Only you see them.",
        ),
      ),
      h("div", { class: "actions" }, latency, stop),
    ),
    problem,
    h(
      "div",
      { class: "try" },
      h("figure", { class: "stage mirrored" }, video, overlay, note),
      h("div", { class: "side" }, belief.element, voices.element, form),
      minute.element,
    ),
  );

  let capture = null;
  let drawn = []; // milliseconds from picture to drawn answer
  const size = () => ({ width: video.videoWidth, height: video.videoHeight });

  function showAnswer({ captured_s, fused, everybody, observations }, kind) {
    minute.add(captured_s, fused);
    belief.show(fused, minute.points, captured_s);
    if (kind === "frame") {
      const beliefs = new Map(everybody.map((one) => [one.subject, one]));
      drawBoxes(overlay, size(), observations, beliefs, true);
      observations.length ? voices.show(observations[0]) : voices.hint("face", "No face in view");
      drawn = [...drawn, performance.now() - captured_s * 1000].slice(-LATENCIES);
      const median = drawn.toSorted((a, b) => a - b)[drawn.length >> 1];
      latency.dataset.newest = drawn.at(-1).toFixed(1);
      latency.dataset.count = Number(latency.dataset.count ?? 0) + 1;
      show(latency, `${Math.round(median)} ms from picture to answer`);
    } else if (observations.length) {
      voices.show(observations[0]);
    }
  }

  function end(reason = null) {
    capture?.stop();
    capture = null;
    show(button, "Start camera and microphone");
    show(hint, "Your picture appears here, with a box around each face.");
    button.disabled = note.hidden = button.hidden = false;
    stop.hidden = true;
    show(latency, "");
    drawBoxes(overlay, { width: 0 }, [], new Map());
    belief.show(null, [], 0);
    for (const [modality, hint] of Object.entries(HINTS)) {
      voices.hint(modality, hint);
    }
    problem.hidden = reason === null;
    show(problem, reason ?? "");
  }

  // Shows nothing of before while the server is away; the camera stays open.
  function wait() {
    problem.hidden = false;
    show(problem, "The connection to the server broke; trying again …");
    show(latency, "");
    drawBoxes(overlay, { width: 0 }, [], new Map());
    belief.show(null, [], 0);
    for (const modality of Object.keys(HINTS)) {
      voices.hint(modality, "Waiting for the server");
    }
  }

  // Reads a text without camera and microphone.
  async function read(text) {
    problem.hidden = true;
    voices.hint("text", "Reading …");
    try {
      const headers = { "Content-Type": "application/json" };
      const options = { method: "POST", headers, body: JSON.stringify({ text }) };
      const result = await fetchJson("/api/predict", options);
      if (stop.hidden) {
        voices.show(result);
        belief.show(result, [{ ...result, time: 0 }], 0);
      }
    } catch (error) {
      voices.hint("text", HINTS.text);
      problem.hidden = false;
      show(problem, error.message);
    }
  }

  async function begin() {
    problem.hidden = true;
    drawn = [];
    latency.dataset.count = 0;
    button.disabled = true;
    show(button, "Starting …");
    const mine = new Capture(video);
    capture = mine;
    for (const kind of ["frame", "sound", "text"]) {
      mine.addEventListener(kind, ({ detail }) => capture === mine && showAnswer(detail, kind));
    }
    mine.addEventListener("lost", () => capture === mine && wait());
    mine.addEventListener("open", () => {
      problem.hidden = true;
    });
    mine.addEventListener("level", ({ detail }) => showLevel(meter, detail.level));
    mine.addEventListener("refused", ({ detail }) => {
      problem.hidden = false;
      show(problem, detail.error);
    });
    mine.addEventListener("end", ({ detail }) => capture === mine && end(detail.reason));
    try {
      await mine.start();
    } catch (error) {
      if (capture === mine) {
        end(error.message);
      }
      return;
    }
    if (capture !== mine) {
      mine.stop();
      return;
    }
    stop.hidden = false;
    note.hidden = mine.hasCamera;
    button.hidden = true;
    show(hint, "There is no camera; the microphone is read.");
    stop.focus();
    voices.hint("face", mine.hasCamera ? "Looking for a face" : "No camera");
    voices.hint("speech", mine.hasMicrophone ? "Waiting for a voice" : "No microphone");
  }

  button.addEventListener("click", begin);
  stop.addEventListener("click", () => {
    end();
    button.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (sentence.value.trim()) {
      stop.hidden ? read(sentence.value) : capture.sendText(sentence.value);
      sentence.value = "";
    }
  });
  return () => end();
}

// Loudness in decibels, from -60 to 0, as a share.
function showLevel(meter, level) {
  const share = Math.min(Math.max(1 + (20 * Math.log10(level + 1e-6)) / 60, 0), 1);
  meter.setAttribute("aria-valuenow", share.toFixed(2));
  meter.firstChild.style.width = `${share * 100}%`;
}
