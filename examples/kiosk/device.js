"use strict";

const UNKNOWN = "unknown";
const MAX_ENDED_IDS = 64;

// The state of one device according to its messages; nothing here touches the page.
class Device {
  online = null; // null until its status is known
  paused = false;
  faces = 0;
  people = new Map(); // by subject, in the order of their arrival
  modalities = new Map(); // status by modality
  refusal = null; // the device's reason to refuse the last set/pause
  #endedIds = []; // ids of ended episodes, because QoS 1 may deliver a message again

  // Updates the state from one message; `path` is the topic below the device's. Throws if the
  // message is not as described in docs/mqtt.md.
  receive(path, payload) {
    const [first, second] = path.split("/");
    if (path === "status") {
      this.#receiveStatus(payload);
    } else if (path === "state") {
      this.#receiveState(dataOf(payload));
    } else if (path === "event") {
      this.#receiveEvent(JSON.parse(payload).id, dataOf(payload));
    } else if (path === "error") {
      const { command, reason } = dataOf(payload);
      this.refusal = command === "set/pause" ? String(reason) : this.refusal;
    } else if (second === "status") {
      this.modalities.set(first, payload);
    }
  }

  #receiveStatus(payload) {
    this.online = payload === "online";
    if (!this.online) {
      this.people.clear();
    }
  }

  #receiveState(data) {
    this.paused = data.paused === true;
    this.faces = bounded(data.faces, 0, Infinity) ?? 0;
    const subject = subjectOf(data);
    const episode = this.people.get(subject)?.episode ?? null;
    for (const [other, person] of this.people) {
      if (this.paused || (other !== subject && person.episode === null)) {
        this.people.delete(other);
      }
    }
    if (!this.paused && (this.faces > 0 || data.emotion !== UNKNOWN)) {
      this.people.set(subject, { ...beliefIn(data), episode });
    } else {
      this.people.delete(subject);
    }
  }

  #receiveEvent(id, data) {
    if (data.replayed === true || this.paused || this.#endedIds.includes(id)) {
      return;
    }
    const subject = subjectOf(data);
    if (data.phase !== "end") {
      this.people.set(subject, { ...beliefIn(data), episode: id });
      return;
    }
    this.#endedIds = [id, ...this.#endedIds].slice(0, MAX_ENDED_IDS);
    if (this.people.get(subject)?.episode === id) {
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
    confidence: bounded(data.confidence, 0, 1),
    valence: bounded(data.valence, -1, 1),
    arousal: bounded(data.arousal, -1, 1),
  };
}

// Returns the value if it is a number within the bounds, else null.
function bounded(value, min, max) {
  return Number.isFinite(value) && value >= min && value <= max ? value : null;
}
