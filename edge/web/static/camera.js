// Camera: what this device's own camera sees, to aim it.

import { drawBoxes } from "./boxes.js";
import { LastMinute, Now } from "./belief.js";
import { capital } from "./emotions.js";
import { h, show } from "./ui.js";
import { Wire } from "./wire.js";

export function cameraView(main) {
  const picture = h("canvas", {
    class: "picture",
    role: "img",
    "aria-label": "The camera's picture",
  });
  const overlay = h("canvas", { class: "overlay", "aria-hidden": "true" });
  const note = h("p", { class: "stage-note" }, "Opening the camera …");
  const faces = h("p", { class: "latency" });
  const problem = h("p", { class: "notice", role: "alert", hidden: true });
  const [belief, minute] = [new Now(), new LastMinute()];
  main.append(
    h(
      "div",
      { class: "head" },
      h(
        "div",
        {},
        h("h1", {}, "Camera"),
        h(
          "p",
          {},
          "The picture goes to this page and is kept nowhere. The camera closes when nobody watches.",
        ),
      ),
      h("div", { class: "actions" }, faces),
    ),
    problem,
    h(
      "div",
      { class: "try" },
      h("figure", { class: "stage tall" }, picture, overlay, note),
      h("div", { class: "side" }, belief.element),
      minute.element,
    ),
  );
  const wire = new Wire("/api/camera");
  wire.addEventListener("message", async ({ detail: data }) => {
    const length = new DataView(data).getUint32(0, true);
    const answer = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    const image = await createImageBitmap(
      new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }),
    );
    note.hidden = true;
    picture.width = image.width;
    picture.height = image.height;
    picture.getContext("2d").drawImage(image, 0, 0);
    const beliefs = new Map(answer.everybody.map((one) => [one.subject, one]));
    drawBoxes(overlay, image, answer.observations, beliefs);
    show(
      faces,
      answer.faces === 1
        ? "One face in view"
        : answer.faces
          ? `${answer.faces} faces in view`
          : "Nobody in view",
    );
    minute.add(answer.captured_s, answer.fused);
    belief.show(answer.fused, minute.points, answer.captured_s);
    image.close();
  });
  wire.addEventListener("open", () => {
    problem.hidden = true;
  });
  wire.addEventListener("lost", () => fail("The connection to the server broke; trying again …"));
  wire.addEventListener("end", ({ detail }) => fail(capital(detail.reason)));

  function fail(reason) {
    problem.hidden = false;
    show(problem, reason);
    note.hidden = false;
    show(note, "There is no picture.");
  }

  wire.open();
  return () => wire.close();
}
