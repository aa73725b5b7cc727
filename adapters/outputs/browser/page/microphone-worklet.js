// Gives the microphone's sound as 16-bit PCM, 20 ms at a time.

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.chunk = new Int16Array(Math.round(sampleRate / 50));
    this.filled = 0;
  }

  process([[sound]]) {
    if (!sound) return true;
    for (const value of sound) {
      this.chunk[this.filled++] = Math.max(-1, Math.min(1, value)) * 32767;
      if (this.filled === this.chunk.length) {
        this.port.postMessage(this.chunk.buffer.slice(0));
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("speech-microphone", Microphone);
