// Files: pictures, sounds, videos and texts, read by this server.

import { EMOTIONS } from "./emotions.js";
import { ResultCard } from "./results.js";
import { fetchJson, h } from "./ui.js";

const TYPES = "image/*,audio/*,video/*,.mkv,.flac,.opus,.txt";
const VIDEOS = /\.(avi|flv|m4v|mkv|mov|mp4|mpe?g|webm)$/i;
const SOUNDS = /\.(aiff|flac|m4a|mp3|oga|ogg|opus|wav)$/i;
const AT_ONCE = 2;
const RETRIES = 8; // while the server is busy with others

export function filesView(main, health) {
  const list = h("ul", { class: "results" });
  const input = h("input", { type: "file", id: "files", class: "hidden", multiple: true, accept: TYPES });
  const area = h("textarea", { id: "words", rows: 2, placeholder: "Or write a text, one sentence a line …" });
  const json = h("button", { class: "quiet", type: "button", disabled: true }, "Save as JSON");
  const csv = h("button", { class: "quiet", type: "button", disabled: true }, "Save as CSV");
  const drop = h(
    "div",
    { class: "drop" },
    h("h2", {}, "Drop pictures, sounds or videos here"),
    input,
    h("label", { class: "button primary", for: "files" }, "Choose files"),
    h("p", {}, limits(health.limits)),
  );
  const form = h("form", { class: "words" }, h("label", { class: "hidden", for: "words" }, "A text"), area, h("button", { type: "submit" }, "Read the text"));
  main.append(
    h(
      "div",
      { class: "head" },
      h("div", {}, h("h1", {}, "Files"), h("p", {}, "Each file goes to this server alone, stays in memory while it is read, and is gone afterwards.")),
      h("div", { class: "actions" }, json, csv),
    ),
    h("div", { class: "inputs" }, drop, form),
    list,
  );

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
    next();
  }

  async function next() {
    if (running >= AT_ONCE || !queue.length) {
      return;
    }
    running += 1;
    const card = queue.shift();
    if (card.element.isConnected) {
      await read(card);
    }
    running -= 1;
    update();
    next();
  }

  function update() {
    json.disabled = csv.disabled = !cards.some((card) => card.item.result);
  }

  async function addFiles(files) {
    for (const file of files) {
      if (file.type.startsWith("text/") || /\.txt$/i.test(file.name)) {
        (await file.text()).split(/\r?\n/).filter((line) => line.trim()).slice(0, 100).forEach((text, index) => add({ kind: "text", name: `${file.name}, line ${index + 1}`, text }));
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
  for (const name of ["dragover", "dragleave", "drop"]) {
    main.addEventListener(name, over);
  }
  const results = () => cards.filter((card) => card.item.result).map(({ item }) => ({ input: item.name, kind: item.kind, result: item.result }));
  json.addEventListener("click", () => save("emotions.json", "application/json", JSON.stringify(results().reverse(), null, 2)));
  csv.addEventListener("click", () => save("emotions.csv", "text/csv", asCsv(results().reverse())));
  return () => {
    for (const name of ["dragover", "dragleave", "drop"]) {
      main.removeEventListener(name, over);
    }
    for (const card of cards) {
      card.item.abort?.abort();
      card.free();
    }
  };
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

async function read(card) {
  const { item } = card;
  item.abort = new AbortController();
  try {
    if (item.kind === "text") {
      card.waiting("Reading");
      const headers = { "Content-Type": "application/json" };
      card.done(await fetchJson("/api/predict", { method: "POST", headers, body: JSON.stringify({ text: item.text }) }));
    } else {
      card.done(await upload(card));
    }
  } catch (error) {
    card.fail(error.message);
  }
}

// Sends a file, again while the server is busy; videos report their progress.
async function upload(card, attempt = 0) {
  const { kind, file, abort } = card.item;
  const form = new FormData();
  form.append(kind, file, file.name);
  const answer = await send(`/api/predict/${kind}`, form, abort.signal, {
    uploaded: (share) => {
      card.waiting(share < 1 ? "Uploading" : "Reading");
      card.progress(share < 1 ? share : null);
    },
    read: (share) => card.progress(share),
  });
  if (answer.status === 429 && attempt < RETRIES) {
    card.waiting("The server is busy; waiting");
    await new Promise((resolve) => setTimeout(resolve, 1000 * 1.5 ** attempt));
    return upload(card, attempt + 1);
  }
  if (answer.error) {
    throw new Error(answer.error);
  }
  return answer.result;
}

// XMLHttpRequest, because fetch does not report the progress of an upload.
function send(url, form, signal, { uploaded, read }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    if (form.has("video")) {
      request.setRequestHeader("Accept", "application/x-ndjson");
    }
    request.upload.onprogress = (event) => uploaded(event.total ? event.loaded / event.total : 1);
    request.onprogress = () => {
      const shares = [...request.responseText.matchAll(/^\{"progress": ([\d.]+)\}$/gm)];
      if (shares.length) {
        read(Number(shares.at(-1)[1]));
      }
    };
    request.onload = () => {
      const last = request.responseText.trim().split("\n").at(-1);
      let body;
      try {
        body = JSON.parse(last);
      } catch {
        body = { error: `The server answers ${request.status}.` };
      }
      const wrapped = form.has("video") || "error" in body ? body : { result: body };
      resolve({ status: request.status, ...wrapped });
    };
    request.onerror = () => resolve({ status: 0, error: "The server does not answer. Is the file too large, or the server stopped?" });
    request.onabort = () => resolve({ status: 0, error: "Removed" });
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// One row per result: of a picture each face, of a clip the whole and each moment.
function asCsv(items) {
  const head = ["input", "time_s", "modality", "subject", "emotion", "confidence", "valence", "arousal", "quality", ...EMOTIONS];
  const rows = items.flatMap(({ input, kind, result }) => {
    if (kind === "image") {
      return result.results.map((one) => row(input, "", one));
    }
    if (kind === "video") {
      const whole = [result.face, result.speech, result.fused].filter(Boolean).map((one) => row(input, "", one));
      const moments = result.timeline.flatMap((moment) => ["face", "speech", "fused"].filter((one) => moment[one]).map((one) => row(input, moment.time_s, moment[one])));
      return [...whole, ...moments];
    }
    return [row(input, "", result)];
  });
  return [head, ...rows].map((one) => one.map(quoted).join(",")).join("\r\n");
}

function row(input, time, one) {
  return [input, time, one.modality, one.subject, one.emotion, one.confidence, one.valence, one.arousal, one.quality, ...EMOTIONS.map((name) => one.probabilities[name])];
}

// Quotes a cell; a name that a spreadsheet would take for a formula gets an apostrophe.
function quoted(cell) {
  const text = typeof cell === "string" && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
