"use strict";

const ROOT = `${SETTINGS.prefix}/${SETTINGS.device}`;
// Not `#`, which would include the texts that others send to the device.
// Some brokers, RabbitMQ for one, give retained messages only to topics that are named in full.
const NAMED = ["face/status", "speech/status", "text/status"];
const SUBTOPICS = ["status", "state", "event", "error", ...NAMED, "+/status"];
const RECONNECT_MS = 2000;
const ANSWER_TIMEOUT_MS = 5000;

let device = new Device();
let connection = "Connecting to the broker…"; // null while connected
let refusal = null; // the broker's reason to refuse the connection
let requestedPause = null; // the pause that was requested and has not been confirmed
let answerTimeout;

const element = (id) => document.getElementById(id);

function show(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

function statusText() {
  if (connection !== null) {
    return connection;
  }
  if (device.online === null) {
    return `Waiting for the device ${SETTINGS.device}.`;
  }
  if (!device.online) {
    return "The device is offline.";
  }
  if (device.paused) {
    return "Paused: camera and microphone are off.";
  }
  if (device.faces === 0) {
    return "Nobody is in view.";
  }
  return device.faces === 1 ? "One face is in view." : `${device.faces} faces are in view.`;
}

function render() {
  const usable = connection === null && device.online === true;
  document.body.dataset.usable = usable;
  show(element("status"), statusText());
  renderPeople(usable ? device.people : new Map());
  renderModalities(usable ? device.modalities : new Map());
  const button = element("pause");
  button.disabled = !usable || requestedPause !== null;
  button.setAttribute("aria-busy", String(requestedPause !== null));
  show(button, device.paused ? "Resume" : "Pause");
}

function renderPeople(people) {
  const list = element("people");
  const cards = new Map([...list.children].map((card) => [card.dataset.subject, card]));
  for (const [subject, person] of people) {
    const card = cards.get(String(subject)) ?? list.appendChild(newCard(subject));
    cards.delete(String(subject));
    renderPerson(card, person);
  }
  for (const gone of cards.values()) {
    gone.remove();
  }
}

function newCard(subject) {
  const card = element("person").content.firstElementChild.cloneNode(true);
  card.dataset.subject = subject;
  show(card.querySelector(".name"), subject === 0 ? "Voice or text" : `Person ${subject}`);
  return card;
}

function renderPerson(card, person) {
  card.dataset.emotion = person.emotion;
  show(card.querySelector(".emotion"), person.emotion);
  renderBar(card.querySelector(".confidence"), 0, person.confidence, (c) => `${Math.round(c * 100)} %`);
  renderBar(card.querySelector(".valence"), 50, person.valence, (v) => v.toFixed(2));
  renderBar(card.querySelector(".arousal"), 50, person.arousal, (a) => a.toFixed(2));
}

// Draws a value as a bar that starts at `origin`, in percent of the width: 50 for signed values.
function renderBar(bar, origin, value, format) {
  const length = (value ?? 0) * (100 - origin);
  bar.firstElementChild.style.left = `${Math.min(origin, origin + length)}%`;
  bar.firstElementChild.style.width = `${Math.abs(length)}%`;
  bar.setAttribute("aria-valuenow", value ?? 0);
  show(bar.nextElementSibling, value === null ? "–" : format(value));
}

function renderModalities(modalities) {
  const rows = [...modalities].sort().map(([modality, status]) => {
    const row = document.createElement("div");
    row.append(document.createElement("dt"), document.createElement("dd"));
    row.firstChild.textContent = modality;
    row.lastChild.textContent = status;
    return row;
  });
  element("modalities").replaceChildren(...rows);
}

function requestPause() {
  requestedPause = !device.paused;
  device.refusal = null;
  client.publish(`${ROOT}/set/pause`, requestedPause ? "on" : "off", { qos: 1 });
  answerTimeout = setTimeout(() => settle("The device did not answer."), ANSWER_TIMEOUT_MS);
  render();
}

function settle(error) {
  clearTimeout(answerTimeout);
  requestedPause = null;
  show(element("error"), error);
  render();
}

const client = mqtt.connect(SETTINGS.broker, {
  protocolVersion: 5,
  username: SETTINGS.username || undefined,
  password: SETTINGS.password || undefined,
  keepalive: 10,
  connectTimeout: ANSWER_TIMEOUT_MS,
  reconnectPeriod: RECONNECT_MS,
  reconnectOnConnackError: true,
  timerVariant: "native", // the default starts a worker from a blob, which the policy forbids
});

client.on("connect", () => {
  connection = null;
  client.subscribe(SUBTOPICS.map((subtopic) => `${ROOT}/${subtopic}`), { qos: 1 });
  render();
});
client.on("error", (error) => {
  refusal = error.code ? `The broker refuses this page: ${error.message}. See settings.js.` : null;
});
client.on("close", () => {
  connection = refusal ?? "No connection to the broker; trying again.";
  refusal = null;
  device = new Device();
  settle("");
});
client.on("message", (topic, payload) => {
  try {
    device.receive(topic.slice(ROOT.length + 1), payload.toString());
  } catch (error) {
    console.warn(`${topic}: ${error.message}`);
    return;
  }
  if (requestedPause !== null && (device.refusal !== null || device.paused === requestedPause)) {
    settle(device.refusal ?? "");
  }
  render();
});

element("pause").addEventListener("click", requestPause);
render();
