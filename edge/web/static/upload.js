// Sends what was chosen to the server, and hands the answer to its card.

const RETRIES = 8; // while the server is busy with others

export async function read(card) {
  const { item } = card;
  item.abort = new AbortController();
  try {
    const answer = await patiently(card, item.kind === "text" ? ask : upload);
    if (answer.error) {
      throw new Error(answer.error);
    }
    card.done(answer.result);
  } catch (error) {
    card.fail(error.message);
  }
}

// Sends again while the server is busy.
async function patiently(card, attempt) {
  const { signal } = card.item.abort;
  for (let tries = 0; ; tries += 1) {
    const answer = await attempt(card, signal);
    if (answer.status !== 429 || tries === RETRIES) {
      return answer;
    }
    card.waiting("The server is busy; waiting");
    await new Promise((resolve) => {
      signal.addEventListener("abort", resolve);
      setTimeout(resolve, 1000 * 1.5 ** tries);
    });
  }
}

// Sends a text.
function ask(card, signal) {
  card.waiting("Reading");
  const type = "application/json";
  return send("/api/predict", JSON.stringify({ text: card.item.text }), type, signal, {
    uploaded: () => {},
    read: () => {},
  });
}

// Sends a file; videos report their progress.
function upload(card, signal) {
  const { kind, file } = card.item;
  const form = new FormData();
  form.append(kind, file, file.name);
  return send(`/api/predict/${kind}`, form, null, signal, {
    uploaded: (share) => {
      card.waiting(share < 1 ? "Uploading" : "Reading");
      card.progress(share < 1 ? share : null);
    },
    read: (share) => card.progress(share),
  });
}

// XMLHttpRequest, because fetch does not report the progress of an upload.
function send(url, content, type, signal, { uploaded, read }) {
  const isVideo = content instanceof FormData && content.has("video");
  const removed = { status: 0, error: "Removed" };
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(removed);
      return;
    }
    const request = new XMLHttpRequest();
    request.open("POST", url);
    if (type) {
      request.setRequestHeader("Content-Type", type);
    }
    if (isVideo) {
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
      const wrapped = isVideo || "error" in body ? body : { result: body };
      resolve({ status: request.status, ...wrapped });
    };
    request.onerror = () =>
      resolve({
        status: 0,
        error: "The server does not answer. Is the file too large, or the server stopped?",
      });
    request.onabort = () => resolve(removed);
    signal.addEventListener("abort", () => request.abort());
    request.send(content);
  });
}
