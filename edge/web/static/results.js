// Cards that show what a file or a text says.

import { drawBoxes } from "./boxes.js";
import { MODALITIES } from "./emotions.js";
import { Timeline } from "./timeline.js";
import {
  clock,
  emotion,
  h,
  percent,
  probabilities,
  shares,
  show,
  signed,
  signedTrack,
  track,
} from "./ui.js";

// A card for one input, which fills as its answer arrives.
export class ResultCard {
  #body = h("div", { class: "result-body" });
  #media = h("div", { class: "result-media" });
  #progress = h("progress", { max: 1, "aria-label": "Progress" });
  #state = h("p", { class: "result-state" });
  #url = null;

  constructor(item, remove) {
    this.item = item;
    this.element = h(
      "li",
      { class: "card result", data: { kind: item.kind } },
      this.#media,
      h(
        "div",
        { class: "result-main" },
        h(
          "div",
          { class: "result-head" },
          h("h2", {}, item.name),
          h(
            "button",
            {
              class: "quiet small",
              type: "button",
              "aria-label": `Remove ${item.name}`,
              onclick: remove,
            },
            "Remove",
          ),
        ),
        this.#state,
        this.#progress,
        this.#body,
      ),
    );
    this.waiting("Waiting");
    this.#showMedia();
  }

  waiting(text) {
    show(this.#state, text);
  }

  progress(share) {
    share === null ? this.#progress.removeAttribute("value") : (this.#progress.value = share);
  }

  fail(reason) {
    this.#done();
    this.#body.replaceChildren(h("p", { class: "notice", role: "alert" }, reason));
  }

  done(result) {
    this.#done();
    this.item.result = result;
    const { kind } = this.item;
    if (kind === "image") {
      this.#faces(result);
    } else if (kind === "video") {
      this.#clip(result);
    } else {
      this.#body.append(answer(result));
    }
  }

  free() {
    if (this.#url) {
      URL.revokeObjectURL(this.#url);
    }
  }

  #done() {
    this.#state.hidden = this.#progress.hidden = true;
  }

  #showMedia() {
    const { kind, file, text } = this.item;
    if (kind === "text") {
      this.#media.append(h("blockquote", {}, text));
      return;
    }
    this.#url = URL.createObjectURL(file);
    const unplayable = () => this.#media.classList.add("unplayable");
    if (kind === "image") {
      this.#media.append(
        h("img", { src: this.#url, alt: "", onerror: unplayable }),
        h("canvas", { class: "overlay", "aria-hidden": "true" }),
      );
    } else if (kind === "audio") {
      this.#media.append(
        h("audio", { src: this.#url, controls: true, "aria-label": this.item.name }),
      );
    } else {
      this.#media.append(
        h("video", {
          src: this.#url,
          controls: true,
          playsinline: true,
          "aria-label": this.item.name,
          onerror: unplayable,
        }),
        h("canvas", { class: "overlay", "aria-hidden": "true" }),
      );
    }
  }

  #faces({ faces, results }) {
    if (!faces) {
      this.#body.append(
        h(
          "p",
          { class: "result-state" },
          "No face in it. A face must be seen from the front and fill about a ninth of the longer side; with models.face.detector: full in the server's configuration, a twentieth.",
        ),
      );
      return;
    }
    const [image, overlay] = this.#media.children;
    const draw = () =>
      drawBoxes(
        overlay,
        { width: image.naturalWidth, height: image.naturalHeight },
        results,
        new Map(),
      );
    new ResizeObserver(draw).observe(overlay);
    image.decode().then(draw, () => {});
    this.#body.append(
      ...results.map((one) => answer(one, faces > 1 ? `Person ${one.subject}` : null)),
    );
  }

  #clip(clip) {
    const video = this.#media.querySelector("video");
    const overlay = this.#media.querySelector("canvas");
    const canvas = h("canvas", { class: "timeline" });
    const timeline = new Timeline(canvas, {
      gap: Infinity,
      label: (time) => (clip.duration_s < 10 ? `${time.toFixed(1)} s` : clock(time)),
    });
    const points = clip.timeline.map((one) => ({
      time: one.time_s,
      emotion: null,
      ...(one.fused ?? {}),
    }));
    const follow = () => {
      timeline.show(points, 0, clip.duration_s, video.currentTime);
      const faces = clip.timeline
        .filter((one) => one.time_s <= video.currentTime + 0.05)
        .at(-1)?.face;
      drawBoxes(
        overlay,
        { width: video.videoWidth, height: video.videoHeight },
        faces ? [faces] : [],
        new Map(),
      );
    };
    for (const name of ["timeupdate", "seeking", "loadedmetadata"]) {
      video.addEventListener(name, follow);
    }
    const tick = () => {
      follow();
      if (!video.paused && video.isConnected) {
        requestAnimationFrame(tick);
      }
    };
    video.addEventListener("play", tick);
    canvas.addEventListener(
      "click",
      (event) => (video.currentTime = timeline.timeAt(event.offsetX)),
    );
    this.#body.append(answer(clip.fused));
    this.element.append(h("div", { class: "result-timeline" }, canvas));
    this.#body.append(
      h(
        "ul",
        { class: "parts" },
        [clip.face, clip.speech]
          .filter((one) => one && clip.fused.parts.length > 1)
          .map((one) =>
            h(
              "li",
              {},
              h("span", { class: "part-name" }, MODALITIES[one.modality]),
              emotion(one.emotion),
              h("span", { class: "figure" }, percent(one.confidence)),
            ),
          ),
      ),
    );
    if (clip.incomplete) {
      this.#body.append(h("p", { class: "notice" }, clip.incomplete));
    }
    follow();
  }
}

// One result: what it is, how sure, where it comes from, all seven probabilities.
function answer(result, title = null) {
  return h(
    "div",
    { class: "answer", role: "group", "aria-label": title ?? "Result" },
    title ? h("h3", { class: "answer-title" }, title) : null,
    h(
      "div",
      { class: "answer-name" },
      emotion(result.emotion),
      h("span", { class: "figure" }, percent(result.confidence)),
    ),
    h(
      "div",
      { class: "affects" },
      h(
        "div",
        { class: "labelled" },
        h("span", {}, "Valence"),
        signedTrack("Valence", result.valence),
        h("span", { class: "figure" }, signed(result.valence)),
      ),
      h(
        "div",
        { class: "labelled" },
        h("span", {}, "Arousal"),
        signedTrack("Arousal", result.arousal),
        h("span", { class: "figure" }, signed(result.arousal)),
      ),
      h(
        "div",
        { class: "labelled" },
        h("span", {}, "Quality"),
        track("Quality", result.quality),
        h("span", { class: "figure" }, percent(result.quality)),
      ),
    ),
    Object.keys(result.contributions).length > 1 ? shares(result.contributions) : null,
    probabilities(result.probabilities),
  );
}
