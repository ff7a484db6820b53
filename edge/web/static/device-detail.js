// One device: its belief now, the last hour, its modalities, its health, and the pause.

import { Affect } from "./affect.js";
import { MODALITIES, capital } from "./emotions.js";
import { Timeline } from "./timeline.js";
import { conditionOf } from "./feed.js";
import { emotion, fetchJson, h, percent, probabilities, setEmotion, shares, show } from "./ui.js";

const HOUR_S = 3600;
const LEAST_S = 300; // a young history is not squeezed into the edge
const ANSWER_MS = 6000;

export class DeviceDetail {
  #name;
  #state = h("span", { class: "device-state" });
  #emotion = emotion("unknown");
  #figure = h("span", { class: "figure" });
  #chances = h("div", {});
  #origin = h("div", {});
  #modalities = h("dl", { class: "facts" });
  #health = h("dl", { class: "facts" });
  #events = h("ol", { class: "events" });
  #problem = h("p", { class: "notice", role: "alert", hidden: true });
  #pause = h("button", { type: "button", disabled: true }, "Pause");
  #canvas = h("canvas", { class: "timeline" });
  #plane = h("canvas", { class: "affect" });
  #timeline = new Timeline(this.#canvas, {
    gap: 30,
    label: (time) =>
      new Date(time * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
  });
  #affect = new Affect(this.#plane);
  #asked = null;
  #device = null;

  constructor(name) {
    this.#name = name;
    this.#pause.addEventListener("click", () => this.#ask());
    this.element = h(
      "div",
      { class: "detail" },
      this.#problem,
      h(
        "section",
        { class: "card detail-now", "aria-label": "Now" },
        h("div", { class: "device-head" }, this.#state, this.#pause),
        h(
          "div",
          { class: "now" },
          h(
            "div",
            { class: "now-left" },
            h("div", { class: "now-name" }, this.#emotion, this.#figure),
            h("div", {}, h("h2", {}, "Where it comes from"), this.#origin),
          ),
          this.#plane,
        ),
      ),
      h("section", { class: "card" }, h("h2", {}, "How likely each is"), this.#chances),
      h(
        "section",
        { class: "card wide" },
        h("h2", {}, "The last hour, as far as it is known"),
        this.#canvas,
      ),
      h(
        "div",
        { class: "stack" },
        h("section", { class: "card" }, h("h2", {}, "What it uses"), this.#modalities),
        h("section", { class: "card" }, h("h2", {}, "Health"), this.#health),
      ),
      h("section", { class: "card" }, h("h2", {}, "Events"), this.#events),
    );
  }

  show(device) {
    this.#device = device;
    const condition = conditionOf(device);
    const state = condition === "online" ? device.state : null;
    this.element.dataset.condition = condition;
    show(this.#state, condition);
    const away = condition === "paused" ? "Nothing is captured" : "Not connected";
    setEmotion(
      this.#emotion,
      state?.emotion ?? "unknown",
      condition === "online" ? undefined : away,
    );
    show(this.#figure, state?.confidence ? percent(state.confidence) : "");
    const known = Object.keys(state?.probabilities ?? {}).length > 0;
    this.#chances.replaceChildren(
      known ? probabilities(state.probabilities) : quiet("No answer now."),
    );
    this.#origin.replaceChildren(
      known ? shares(state.contributions) : quiet("No modality has an answer."),
    );
    this.#showTimes(device, state);
    this.#showFacts(device);
    this.#showPause(device, condition);
  }

  #showTimes(device, state) {
    const now = Date.now() / 1000;
    const points = device.history.map(([time, emotion, confidence, valence, arousal]) => ({
      time,
      emotion: confidence ? emotion : null,
      confidence,
      valence,
      arousal,
    }));
    const known = Math.max(now - (points[0]?.time ?? now), LEAST_S);
    this.#timeline.show(points, now - Math.min(known, HOUR_S), now);
    this.#affect.show(state && state.confidence ? [{ ...state, time: now }] : [], now);
  }

  #showFacts({ modalities, health, info, events }) {
    const known = Object.entries(modalities).sort();
    facts(
      this.#modalities,
      known.map(([name, status]) => [titleOf(name), status]),
      "It has not published that yet.",
    );
    facts(this.#health, healthFacts(health, info), "It is published every half minute.");
    this.#events.replaceChildren(
      ...(events.length
        ? events.map(eventItem)
        : [h("li", {}, quiet("None since this server was started."))]),
    );
  }

  #showPause(device, condition) {
    const paused = Boolean(device.state?.paused);
    if (this.#asked && (paused === this.#asked.paused || device.refusal)) {
      this.#settle(device.refusal ? `The device refuses: ${device.refusal}` : null);
      device.refusal = null;
    }
    this.#pause.disabled = this.#asked !== null || device.status !== "online";
    show(this.#pause, this.#asked ? "Waiting …" : paused ? "Resume" : "Pause");
    this.#pause.setAttribute("aria-busy", String(this.#asked !== null));
  }

  async #ask() {
    const paused = !this.#device.state?.paused;
    this.#device.refusal = null;
    this.#asked = {
      paused,
      timer: setTimeout(
        () => this.#settle("The device did not answer. Is it still online?"),
        ANSWER_MS,
      ),
    };
    this.#problem.hidden = true;
    this.show(this.#device);
    try {
      const headers = { "Content-Type": "application/json" };
      await fetchJson(`/api/devices/${encodeURIComponent(this.#name)}/pause`, {
        method: "POST",
        headers,
        body: JSON.stringify({ paused }),
      });
    } catch (error) {
      this.#settle(error.message);
    }
  }

  #settle(problem) {
    clearTimeout(this.#asked?.timer);
    this.#asked = null;
    this.#problem.hidden = problem === null;
    show(this.#problem, problem ?? "");
    if (problem) {
      this.show(this.#device);
    }
  }
}

const quiet = (text) => h("p", { class: "quiet-line" }, text);
const titleOf = (name) => MODALITIES[name] ?? capital(name);

// Shows pairs of a name and a value, or without any a sentence.
function facts(list, pairs, sentence) {
  const text = JSON.stringify(pairs);
  if (list.dataset.shown !== text) {
    list.dataset.shown = text;
    const shown = pairs.length ? pairs : [[sentence, ""]];
    list.replaceChildren(
      ...shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    );
  }
}

function healthFacts(health, info) {
  const models = Object.entries(info?.models ?? {}).map(
    ([name, one]) => `${titleOf(name)} ${one.version}`,
  );
  const known = info
    ? [
        ["Version", info.version],
        ["Models", models.join(", ") || "none"],
      ]
    : [];
  if (!health) {
    return known;
  }
  const stages = Object.entries(health.stages).map(([name, one]) => [
    titleOf(name),
    `${one.per_s.toFixed(1)} a second, ${one.p50_ms.toFixed(1)} ms`,
  ]);
  return [
    ...known,
    ["Running for", duration(health.uptime_s)],
    ["Processor", `${Math.round(health.cpu_percent)} % of a core`],
    ["Memory", `${Math.round(health.rss_mb)} MB`],
    ...(health.temperature_c === null
      ? []
      : [["Temperature", `${Math.round(health.temperature_c)} °C`]]),
    ...stages,
    ["Waiting events", String(health.delivery.waiting)],
    ...(health.load.reason ? [["Reduced because of", health.load.reason]] : []),
  ];
}

function duration(seconds) {
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} min`;
  }
  const hours = Math.floor(seconds / 3600);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

function eventItem({ time, phase, emotion: name, confidence, duration_s }) {
  const at = new Date(time).toLocaleTimeString();
  const what = { start: "started", update: "changed", end: "ended" }[phase] ?? phase;
  const length = phase === "start" ? "" : ` after ${duration_s.toFixed(1)} s`;
  return h(
    "li",
    {},
    h("time", { datetime: time }, at),
    emotion(name),
    h("span", {}, `${what}${length}`),
    // At its end, an emotion is no longer likely: that is why it ended.
    h("span", { class: "figure" }, phase === "end" ? "" : percent(confidence)),
  );
}
