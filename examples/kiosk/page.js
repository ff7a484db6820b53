"use strict";

const ROOT = `${SETTINGS.prefix}/${SETTINGS.device}`;
// Not `#`: that would bring the texts which others send to the device.
const PATHS = ["status", "state", "event", "error", "+/status"];
const RECONNECT_MS = 2000;
const PATIENCE_MS = 5000;

let device = new Device();
let connection = "Connecting to the broker…"; // null while connected
let refused = null; // why the broker did not take us
let asked = null; // the pause that was asked for and not yet seen
let patience;

const element = (id) => document.getElementById(id);

function show(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

function condition() {
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
  show(element("condition"), condition());
  renderPeople(usable ? device.people : new Map());
  renderSenses(usable ? device.senses : new Map());
  const button = element("pause");
  button.disabled = !usable || asked !== null;
  button.setAttribute("aria-busy", String(asked !== null));
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
  renderFigure(card.querySelector(".confidence"), person.confidence, (c) => `${Math.round(c * 100)} %`);
  renderFigure(card.querySelector(".valence"), person.valence, (v) => v.toFixed(2));
  renderFigure(card.querySelector(".arousal"), person.arousal, (a) => a.toFixed(2));
}

function renderFigure(meter, value, format) {
  meter.value = value ?? meter.min;
  show(meter.nextElementSibling, value === null ? "–" : format(value));
}

function renderSenses(senses) {
  const rows = [...senses].sort().map(([modality, status]) => {
    const row = document.createElement("div");
    row.append(document.createElement("dt"), document.createElement("dd"));
    row.firstChild.textContent = modality;
    row.lastChild.textContent = status;
    return row;
  });
  element("senses").replaceChildren(...rows);
}

function askForPause() {
  asked = !device.paused;
  device.refusal = null;
  client.publish(`${ROOT}/set/pause`, asked ? "on" : "off", { qos: 1 });
  patience = setTimeout(() => settle("The device did not answer."), PATIENCE_MS);
  render();
}

function settle(complaint) {
  clearTimeout(patience);
  asked = null;
  show(element("complaint"), complaint);
  render();
}

const client = mqtt.connect(SETTINGS.broker, {
  protocolVersion: 5,
  username: SETTINGS.username || undefined,
  password: SETTINGS.password || undefined,
  keepalive: 10,
  connectTimeout: PATIENCE_MS,
  reconnectPeriod: RECONNECT_MS,
  reconnectOnConnackError: true,
  timerVariant: "native", // the other one starts a worker from a blob, which the policy forbids
});

client.on("connect", () => {
  connection = null;
  client.subscribe(PATHS.map((path) => `${ROOT}/${path}`), { qos: 1 });
  render();
});
client.on("error", (error) => {
  refused = error.code ? `The broker refuses this page: ${error.message}. See settings.js.` : null;
});
client.on("close", () => {
  connection = refused ?? "No connection to the broker; trying again.";
  refused = null;
  device = new Device();
  settle("");
});
client.on("message", (topic, payload) => {
  try {
    device.take(topic.slice(ROOT.length + 1), payload.toString());
  } catch (error) {
    console.warn(`${topic}: ${error.message}`);
    return;
  }
  if (asked !== null && (device.refusal !== null || device.paused === asked)) {
    settle(device.refusal ?? "");
  }
  render();
});

element("pause").addEventListener("click", askForPause);
render();
