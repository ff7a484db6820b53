// Sends what was chosen to the server, and hands the answer to its card.

import { fetchJson } from "./ui.js";

const RETRIES = 8; // while the server is busy with others

export async function read(card) {
  const { item } = card;
  item.abort = new AbortController();
  try {
    if (item.kind === "text") {
      card.waiting("Reading");
      const headers = { "Content-Type": "application/json" };
      card.done(
        await fetchJson("/api/predict", {
          method: "POST",
          headers,
          body: JSON.stringify({ text: item.text }),
        }),
      );
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
    if (abort.signal.aborted) {
      throw new Error("Removed");
    }
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
    request.onerror = () =>
      resolve({
        status: 0,
        error: "The server does not answer. Is the file too large, or the server stopped?",
      });
    request.onabort = () => resolve({ status: 0, error: "Removed" });
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
