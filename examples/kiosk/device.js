"use strict";

const UNKNOWN = "unknown";
const ENDED_KEPT = 64;

// What is known of one device from its messages; nothing here touches the page.
class Device {
  online = null; // null until its status is known
  paused = false;
  faces = 0;
  people = new Map(); // by subject, in the order in which they came
  senses = new Map(); // status by modality
  refusal = null; // why the last set/pause was not obeyed
  #ended = []; // ids of stays that are over: QoS 1 may deliver a message again

  // Takes in one message; `path` is the topic below the device's. Throws where it is not as
  // docs/mqtt.md has it.
  take(path, payload) {
    const [first, second] = path.split("/");
    if (path === "status") {
      this.#takeStatus(payload);
    } else if (path === "state") {
      this.#takeState(dataOf(payload));
    } else if (path === "event") {
      this.#takeEvent(JSON.parse(payload).id, dataOf(payload));
    } else if (path === "error") {
      const { command, reason } = dataOf(payload);
      this.refusal = command === "set/pause" ? String(reason) : this.refusal;
    } else if (second === "status") {
      this.senses.set(first, payload);
    }
  }

  #takeStatus(payload) {
    this.online = payload === "online";
    if (!this.online) {
      this.people.clear();
    }
  }

  #takeState(data) {
    this.paused = data.paused === true;
    this.faces = figure(data.faces, 0, Infinity) ?? 0;
    const subject = subjectOf(data);
    const stay = this.people.get(subject)?.stay ?? null;
    for (const [other, person] of this.people) {
      if (this.paused || (other !== subject && person.stay === null)) {
        this.people.delete(other);
      }
    }
    if (!this.paused && (this.faces > 0 || data.emotion !== UNKNOWN)) {
      this.people.set(subject, { ...beliefIn(data), stay });
    } else {
      this.people.delete(subject);
    }
  }

  #takeEvent(id, data) {
    if (data.replayed === true || this.paused || this.#ended.includes(id)) {
      return;
    }
    const subject = subjectOf(data);
    if (data.phase !== "end") {
      this.people.set(subject, { ...beliefIn(data), stay: id });
      return;
    }
    this.#ended = [id, ...this.#ended].slice(0, ENDED_KEPT);
    if (this.people.get(subject)?.stay === id) {
      this.people.delete(subject);
    }
  }
}

function dataOf(payload) {
  const { data } = JSON.parse(payload);
  if (typeof data !== "object" || data === null) {
    throw new TypeError("the message has no data");
  }
  return data;
}

function subjectOf(data) {
  if (!Number.isSafeInteger(data.subject)) {
    throw new TypeError("subject is not a whole number");
  }
  return data.subject;
}

function beliefIn(data) {
  return {
    emotion: String(data.emotion),
    confidence: figure(data.confidence, 0, 1),
    valence: figure(data.valence, -1, 1),
    arousal: figure(data.arousal, -1, 1),
  };
}

// The value if it is a number within the bounds, else null.
function figure(value, lowest, highest) {
  return Number.isFinite(value) && value >= lowest && value <= highest ? value : null;
}
