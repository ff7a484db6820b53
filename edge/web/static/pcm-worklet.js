// Turns the microphone's sound into int16 at 16 kHz, in blocks, with the level of each.

const RATE = 16000;
const BLOCK = 1600; // 0.1 s

class Pcm extends AudioWorkletProcessor {
  #block = new Int16Array(BLOCK);
  #filled = 0;
  #sum = 0; // of the input samples that make up the next output sample …
  #weight = 0; // … and their weight
  #energy = 0;

  // Each output sample is the mean of the input that it covers; at 16 kHz, the input itself.
  process([[channel]]) {
    const span = sampleRate / RATE; // input samples for each output sample
    for (const value of channel ?? []) {
      let left = 1;
      while (left > 1e-9) {
        const part = Math.min(left, span - this.#weight);
        this.#sum += value * part;
        this.#weight += part;
        left -= part;
        if (this.#weight >= span - 1e-9) {
          this.#push(this.#sum / this.#weight);
          this.#sum = this.#weight = 0;
        }
      }
    }
    return true;
  }

  #push(value) {
    this.#block[this.#filled++] = Math.max(Math.min(Math.round(value * 32768), 32767), -32768);
    this.#energy += value * value;
    if (this.#filled === BLOCK) {
      const samples = this.#block.slice();
      this.port.postMessage({ samples, level: Math.sqrt(this.#energy / BLOCK) }, [samples.buffer]);
      this.#filled = this.#energy = 0;
    }
  }
}

registerProcessor("pcm", Pcm);
