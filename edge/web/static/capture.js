// Sends the browser's camera and microphone to this server, and hands its answers on.

import { Wire } from "./wire.js";

const FRAME = 1;
const SOUND = 2;
const HEADER = 9; // bytes: kind, time
const QUALITY = 0.85;
const FRAME_MS = 66; // at most 15 pictures a second
const AWAY_MS = 200; // between two looks whether the server is back
const CAMERA = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" };
const MICROPHONE = {
  channelCount: 1,
  echoCancellation: false,
  noiseSuppression: false,
  autoGainControl: true,
};

const now = () => performance.now() / 1000;

export class Capture extends EventTarget {
  #video;
  #stream = null;
  #wire = null;
  #audio = null;
  #canvas = document.createElement("canvas");
  #waiting = false; // for the answer to a picture: only one is on its way
  #timer = null;

  constructor(video) {
    super();
    this.#video = video;
  }

  // Opens what there is of camera and microphone; throws an Error with a sentence for people.
  async start() {
    if (!navigator.mediaDevices) {
      throw new Error(
        "Browsers open cameras only for https or for this very machine. Open this page as http://localhost, forward the port with ssh -L, or start the server with --certificate and --key.",
      );
    }
    this.#stream = await openStream();
    this.#video.srcObject = this.#stream;
    await this.#video.play();
    await this.#connect();
    if (this.#stream.getAudioTracks().length) {
      await this.#listen();
    }
    if (this.hasCamera) {
      this.#timer = setTimeout(() => this.#look(), 0);
    }
  }

  get hasCamera() {
    return this.#stream !== null && this.#stream.getVideoTracks().length > 0;
  }

  get hasMicrophone() {
    return this.#stream !== null && this.#stream.getAudioTracks().length > 0;
  }

  sendText(text) {
    this.#wire.send(JSON.stringify({ text, captured_s: now() }));
  }

  stop() {
    clearTimeout(this.#timer);
    for (const one of this.#stream?.getTracks() ?? []) {
      one.stop();
    }
    this.#audio?.close();
    this.#video.srcObject = null;
    const wire = this.#wire;
    this.#wire = this.#audio = this.#stream = null;
    wire?.close();
  }

  #connect() {
    const wire = new Wire("/api/live");
    this.#wire = wire;
    wire.addEventListener("message", ({ detail: { kind, answer } }) => {
      if (kind === "frame") {
        this.#waiting = false;
      }
      this.#tell(answer.error ? "refused" : kind, answer);
    });
    for (const name of ["open", "lost"]) {
      wire.addEventListener(name, () => {
        this.#waiting = false;
        this.#tell(name, {});
      });
    }
    return new Promise((resolve, reject) => {
      wire.addEventListener("open", resolve);
      wire.addEventListener("end", ({ detail }) => {
        reject(new Error(detail.reason)); // unless it was open before
        if (this.#wire === wire) {
          this.stop();
          this.#tell("end", detail);
        }
      });
      wire.open();
    });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #look() {
    const started = performance.now();
    const again = () => {
      this.#timer = setTimeout(
        () => this.#look(),
        Math.max(FRAME_MS - (performance.now() - started), 0),
      );
    };
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (this.#wire === null) {
      return;
    }
    if (this.#waiting || !width || !this.#wire.isOpen) {
      this.#timer = setTimeout(() => this.#look(), this.#wire.isOpen ? 5 : AWAY_MS);
      return;
    }
    this.#waiting = true;
    const captured = now();
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#canvas.getContext("2d", { alpha: false }).drawImage(this.#video, 0, 0);
    this.#canvas.toBlob(
      async (blob) => {
        if (blob) {
          this.#send(FRAME, captured, await blob.arrayBuffer());
        }
        again();
      },
      "image/jpeg",
      QUALITY,
    );
  }

  async #listen() {
    const [audio, source] = this.#microphone();
    this.#audio = audio;
    await audio.audioWorklet.addModule("/pcm-worklet.js");
    if (this.#audio !== audio) {
      return; // stopped meanwhile
    }
    const worklet = new AudioWorkletNode(audio, "pcm", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    worklet.port.onmessage = ({ data: { samples, level } }) => {
      this.#tell("level", { level });
      this.#send(SOUND, now(), samples.buffer);
    };
    source.connect(worklet);
    await audio.resume();
  }

  // At 16 kHz the browser resamples; Firefox cannot, so there the worklet does.
  #microphone() {
    const audio = new AudioContext({ sampleRate: 16000 });
    try {
      return [audio, audio.createMediaStreamSource(this.#stream)];
    } catch {
      audio.close();
      const plain = new AudioContext();
      return [plain, plain.createMediaStreamSource(this.#stream)];
    }
  }

  #send(kind, captured, content) {
    if (!this.#wire?.isOpen) {
      return;
    }
    const message = new Uint8Array(HEADER + content.byteLength);
    const view = new DataView(message.buffer);
    view.setUint8(0, kind);
    view.setFloat64(1, captured, true);
    message.set(new Uint8Array(content), HEADER);
    this.#wire.send(message);
  }
}

async function openStream() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: CAMERA, audio: MICROPHONE });
  } catch (error) {
    if (error.name === "NotAllowedError") {
      throw new Error(
        "The browser was not allowed to use camera and microphone. Allow it beside the address, then start again.",
      );
    }
  }
  for (const one of [{ video: CAMERA }, { audio: MICROPHONE }]) {
    try {
      return await navigator.mediaDevices.getUserMedia(one);
    } catch {
      continue; // the other one may be there
    }
  }
  throw new Error(
    "There is no camera and no microphone, or another program uses them. Plug one in or close that program, then start again.",
  );
}
