// Files: pictures, sounds, videos and texts, read by this server.

import { ResultCard } from "./results.js";
import { asCsv, save } from "./save.js";
import { h } from "./ui.js";
import { read } from "./upload.js";

const TYPES = "image/*,audio/*,video/*,.mkv,.flac,.opus,.txt";
const VIDEOS = /\.(avi|flv|m4v|mkv|mov|mp4|mpe?g|webm)$/i;
const SOUNDS = /\.(aiff|flac|m4a|mp3|oga|ogg|opus|wav)$/i;
const AT_ONCE = 2;
const DRAGS = ["dragover", "dragleave", "drop"];

let kept = null; // what was read stays while other views are shown

export function filesView(main, health) {
  kept ??= build(health);
  main.append(...kept.elements);
  for (const name of DRAGS) {
    main.addEventListener(name, kept.over);
  }
  return () => {
    for (const name of DRAGS) {
      main.removeEventListener(name, kept.over);
    }
  };
}

// Returns the elements of the view, and what to do when something is dragged over it.
function build(health) {
  const list = h("ul", { class: "results" });
  const input = h("input", {
    type: "file",
    id: "files",
    class: "hidden",
    multiple: true,
    accept: TYPES,
  });
  const area = h("textarea", {
    id: "words",
    rows: 2,
    placeholder: "Or write a text, one sentence a line …",
  });
  const json = h("button", { class: "quiet", type: "button" }, "Save as JSON");
  const csv = h("button", { class: "quiet", type: "button" }, "Save as CSV");
  const drop = h(
    "div",
    { class: "drop" },
    h("h2", {}, "Drop pictures, sounds or videos here"),
    input,
    h("label", { class: "button primary", for: "files" }, "Choose files"),
    h("p", {}, limits(health.limits)),
  );
  const form = h(
    "form",
    { class: "words" },
    h("label", { class: "hidden", for: "words" }, "A text"),
    area,
    h("button", { type: "submit" }, "Read the text"),
  );
  const empty = h(
    "div",
    { class: "card empty" },
    h("h2", {}, "Nothing read yet"),
    h(
      "p",
      {},
      "Each file and sentence gets a card here: the emotion, how sure the models are of all seven, and for a clip a timeline that follows the player.",
    ),
  );
  const actions = h("div", { class: "actions", hidden: true }, json, csv);
  const elements = [
    h(
      "div",
      { class: "head" },
      h(
        "div",
        {},
        h("h1", {}, "Files"),
        h(
          "p",
          {},
          "Each file goes to this server alone, stays in memory while it is read, and is gone afterwards.",
        ),
      ),
      actions,
    ),
    h("div", { class: "inputs" }, drop, form),
    empty,
    list,
  ];

  const cards = [];
  const queue = [];
  let running = 0;

  function add(item) {
    const card = new ResultCard(item, () => {
      card.free();
      card.element.remove();
      cards.splice(cards.indexOf(card), 1);
      item.abort?.abort();
      update();
    });
    cards.unshift(card);
    list.prepend(card.element);
    queue.push(card);
    update();
    next();
  }

  async function next() {
    if (running >= AT_ONCE || !queue.length) {
      return;
    }
    running += 1;
    const card = queue.shift();
    if (cards.includes(card)) {
      await read(card);
    }
    running -= 1;
    update();
    next();
  }

  function update() {
    empty.hidden = cards.length > 0;
    actions.hidden = !cards.some((card) => card.item.result);
  }

  async function addFiles(files) {
    for (const file of files) {
      if (file.type.startsWith("text/") || /\.txt$/i.test(file.name)) {
        (await file.text())
          .split(/\r?\n/)
          .filter((line) => line.trim())
          .slice(0, 100)
          .forEach((text, index) =>
            add({ kind: "text", name: `${file.name}, line ${index + 1}`, text }),
          );
      } else {
        add({ kind: kindOf(file), name: file.name, file });
      }
    }
  }

  input.addEventListener("change", () => {
    addFiles([...input.files]);
    input.value = "";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const lines = area.value.split("\n").filter((line) => line.trim());
    lines.forEach((text) => add({ kind: "text", name: "Text", text }));
    area.value = "";
  });
  const over = (event) => {
    event.preventDefault();
    drop.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") {
      addFiles([...event.dataTransfer.files]);
    }
  };
  const results = () =>
    cards
      .filter((card) => card.item.result)
      .map(({ item }) => ({ input: item.name, kind: item.kind, result: item.result }));
  json.addEventListener("click", () =>
    save("emotions.json", "application/json", JSON.stringify(results().reverse(), null, 2)),
  );
  csv.addEventListener("click", () => save("emotions.csv", "text/csv", asCsv(results().reverse())));
  return { elements, over };
}

function limits({ upload_bytes, seconds }) {
  return `Up to ${Math.round(upload_bytes / 1e6)} MB and ${Math.round(seconds / 60)} minutes each.`;
}

function kindOf(file) {
  if (file.type.startsWith("image/")) {
    return "image";
  }
  if (file.type.startsWith("video/") || VIDEOS.test(file.name)) {
    return "video";
  }
  return file.type.startsWith("audio/") || SOUNDS.test(file.name) ? "audio" : "image";
}
