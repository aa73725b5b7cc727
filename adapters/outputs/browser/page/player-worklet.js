// Plays the audio of messages in the order in which it comes, and says how many samples of each have been heard.
// All times are frames of the audio clock: timers of a tab in the background are throttled, this is not.

const REPORTS_PER_SECOND = 20;

class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.latency = 0;
    this.drop();
    this.port.onmessage = ({ data }) => this.take(data);
  }

  drop() {
    this.queue = []; // {number, pcm, at}: what waits
    this.runs = []; // {number, frame, count}: what was rendered and is on its way to the loudspeaker
    this.messages = new Map(); // number: {taken, heard, told, isCut}
    this.isPaused = false;
  }

  take({ audio, cut, pause, latency, drop, pcm }) {
    if (drop) this.drop();
    else if (audio !== undefined) {
      if (this.message(audio).isCut || !pcm.length) return;
      this.queue.push({ number: audio, pcm, at: 0 });
    } else if (cut !== undefined) {
      this.queue = this.queue.filter(({ number }) => number !== cut);
      this.message(cut).isCut = true;
    } else if (pause !== undefined) {
      this.isPaused = pause;
    } else if (latency !== undefined) {
      this.latency = latency;
    }
  }

  message(number) {
    let message = this.messages.get(number);
    if (message === undefined) {
      message = { taken: 0, heard: 0, told: 0, isCut: false };
      this.messages.set(number, message);
    }
    return message;
  }

  process(_, [[out]]) {
    if (!this.isPaused) this.render(out);
    this.hear();
    this.tell();
    return true;
  }

  render(out) {
    let filled = 0;
    while (filled < out.length && this.queue.length) {
      const head = this.queue[0];
      const count = Math.min(out.length - filled, head.pcm.length - head.at);
      for (let i = 0; i < count; i++) out[filled + i] = head.pcm[head.at + i] / 32768;
      this.runs.push({ number: head.number, frame: currentFrame + filled, count });
      this.messages.get(head.number).taken += count;
      head.at += count;
      filled += count;
      if (head.at === head.pcm.length) this.queue.shift();
    }
  }

  // What was rendered cannot be called back: it is heard when the latency is over, also of a message that was cut.
  hear() {
    const leaving = currentFrame - this.latency;
    while (this.runs.length && this.runs[0].frame + this.runs[0].count <= leaving) {
      const { number, count } = this.runs.shift();
      this.messages.get(number).heard += count;
    }
  }

  tell() {
    let newest = 0;
    for (const [number, message] of this.messages) {
      newest = number;
      const isThrough = message.heard === message.taken && !this.queue.some((piece) => piece.number === number);
      const news = message.heard - message.told;
      if (message.isCut && isThrough) {
        this.port.postMessage({ event: "cut", message: number, samples: message.heard });
        this.messages.delete(number);
      } else if (news && (!message.told || isThrough || news >= sampleRate / REPORTS_PER_SECOND)) {
        message.told = message.heard;
        this.port.postMessage({ event: "heard", message: number, samples: message.heard });
      }
    }
    for (const [number, message] of this.messages) {
      if (number !== newest && message.told === message.taken && !message.isCut) this.messages.delete(number);
    }
    // The page looks at the latency, which may change with the device.
    if (currentFrame % (128 * 16) === 0) this.port.postMessage({ event: "tick" });
  }
}

registerProcessor("speech-player", Player);
