// The panels that show a belief over time: what it is now, what each modality says, the timeline.

import { Affect } from "./affect.js";
import { MODALITIES, nameOf } from "./emotions.js";
import { Timeline } from "./timeline.js";
import { announce, emotion, h, percent, setEmotion, setTrack, shares, show, track } from "./ui.js";

const MINUTE_S = 60;
const ANNOUNCE_MS = 3000;

// The newest belief: emotion, confidence, shares, place in the plane of affect.
export class Now {
  #name = emotion("unknown");
  #confidence = track("Confidence", 0);
  #figure = h("span", { class: "figure" });
  #shares = h("div", { class: "now-shares" }, shares({}));
  #plane = h("canvas", { class: "affect" });
  #affect;
  #told = ["", 0];
  #contributions = "";

  constructor() {
    this.element = h(
      "section",
      { class: "card now", "aria-label": "Now" },
      h(
        "div",
        { class: "now-left" },
        h("div", { class: "now-name" }, this.#name),
        h(
          "div",
          { class: "labelled" },
          h("span", {}, "Confidence"),
          this.#confidence,
          this.#figure,
        ),
        h("div", {}, h("h2", {}, "Where it comes from"), this.#shares),
      ),
      this.#plane,
    );
    this.#affect = new Affect(this.#plane);
    this.show(null, [], 0);
  }

  show(belief, points, now) {
    const name = belief ? belief.emotion : "unknown";
    setEmotion(this.#name, name, belief ? undefined : "Nothing yet");
    setTrack(this.#confidence, belief ? belief.confidence : 0, name);
    show(this.#figure, belief ? percent(belief.confidence) : "–");
    const contributions = belief ? belief.contributions : {};
    const key = JSON.stringify(
      Object.entries(contributions).map(([one, share]) => [one, Math.round(share * 50)]),
    );
    if (key !== this.#contributions) {
      this.#contributions = key;
      this.#shares.replaceChildren(shares(contributions));
    }
    this.#affect.show(points, now);
    this.#tell(name);
  }

  // A screen reader hears a change once it has lasted, not every flicker.
  #tell(name) {
    const [before, since] = this.#told;
    if (name !== before) {
      this.#told = [name, performance.now()];
    } else if (since && performance.now() - since > ANNOUNCE_MS) {
      announce(name === "unknown" ? "" : nameOf(name));
      this.#told = [name, 0];
    }
  }
}

// What each modality says by itself.
export class Voices {
  #rows = new Map();

  constructor(hints) {
    this.element = h("section", { class: "card voices" }, h("h2", {}, "What each says"));
    for (const name of ["face", "speech", "text"]) {
      const row = {
        emotion: emotion("unknown"),
        bar: track(MODALITIES[name], 0),
        figure: h("span", { class: "figure" }, "–"),
      };
      show(row.emotion.lastChild, hints[name]);
      row.node = h(
        "div",
        { class: "voice", data: { modality: name } },
        h("h3", {}, MODALITIES[name]),
        row.emotion,
        row.bar,
        row.figure,
      );
      this.#rows.set(name, row);
      this.element.append(row.node);
    }
  }

  hint(modality, text) {
    const row = this.#rows.get(modality);
    setEmotion(row.emotion, "unknown", text);
    setTrack(row.bar, 0, "unknown");
    show(row.figure, "–");
  }

  show(result) {
    const row = this.#rows.get(result.modality);
    setEmotion(row.emotion, result.emotion);
    setTrack(row.bar, result.confidence, result.emotion);
    show(row.figure, percent(result.confidence));
  }

  // Puts something of its own beneath a modality, such as a meter.
  add(modality, node) {
    this.#rows.get(modality).node.append(node);
  }
}

// The last minute.
export class LastMinute {
  #canvas = h("canvas", { class: "timeline" });
  #timeline;
  points = [];

  constructor() {
    this.element = h("section", { class: "card" }, h("h2", {}, "The last minute"), this.#canvas);
    this.#timeline = new Timeline(this.#canvas, {
      label: (time) => this.#label(time),
      anchored: true,
    });
    this.#timeline.show([], -MINUTE_S, 0);
  }

  #newest = 0;

  // Sound is answered later than pictures; a time that goes back counts as the newest.
  add(captured, belief) {
    const time = Math.max(captured, this.points.at(-1)?.time ?? captured);
    this.points = this.points.filter((one) => time - one.time <= MINUTE_S + 2);
    this.points.push(
      belief
        ? {
            time,
            emotion: belief.emotion,
            confidence: belief.confidence,
            valence: belief.valence,
            arousal: belief.arousal,
          }
        : { time, emotion: null },
    );
    this.#newest = time;
    this.#timeline.show(this.points, time - MINUTE_S, time);
  }

  #label(time) {
    const ago = Math.round(this.#newest - time);
    return ago ? `${ago} s ago` : "now";
  }
}
