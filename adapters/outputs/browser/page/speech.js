// A page as the agent's loudspeaker and the user's microphone. docs/outputs.md has the messages.
//
//   const speech = new SpeechPage();
//   button.onclick = async () => { await speech.play(); await speech.listen(); };
//
// Events: "open", "gone" (detail: {code, reason}), "state" (detail: the audio's), "text" and "view" (detail: from the agent).

const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

export class SpeechPage extends EventTarget {
  constructor({ socket = "socket", base = import.meta.url } = {}) {
    super();
    this.base = base;
    const url = new URL(socket, document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("key", keyOfThisTab());
    this.url = url;
    this.connect();
  }

  connect() {
    this.rate = new Promise((resolve) => (this.knowRate = resolve));
    this.socket = new WebSocket(this.url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.dispatch("open");
    this.socket.onmessage = ({ data }) => this.take(data);
    this.socket.onclose = ({ code, reason }) => {
      this.player?.port.postMessage({ drop: true }); // nobody counts any more what would be heard
      this.dispatch("gone", { code, reason });
    };
  }

  // Browsers let a page sound only when the user has done something on it: call this in an event of a button or a key.
  async play() {
    if (this.socket.readyState > WebSocket.OPEN) this.connect(); // the conversation before has ended: another one
    const sampleRate = await this.rate;
    this.preparing ??= this.prepare(sampleRate);
    await once(this, "preparing");
    await this.context.resume();
    this.tellState();
  }

  async prepare(sampleRate) {
    const context = (this.context = new AudioContext({ sampleRate, latencyHint: "interactive" }));
    await context.audioWorklet.addModule(new URL("player-worklet.js", this.base));
    this.player = new AudioWorkletNode(context, "speech-player", { numberOfInputs: 0, outputChannelCount: [1] });
    this.player.port.onmessage = ({ data }) => this.takeFact(data);
    this.player.connect(context.destination);
    context.onstatechange = () => this.tellState(); // not before there is a player: "running" brings audio
  }

  async listen() {
    this.listening ??= this.openMicrophone();
    await once(this, "listening");
  }

  // The microphone has a context of its own: not every browser resamples for it.
  async openMicrophone() {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: MICROPHONE });
    const context = new AudioContext();
    await context.audioWorklet.addModule(new URL("microphone-worklet.js", this.base));
    const microphone = new AudioWorkletNode(context, "speech-microphone", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    context.createMediaStreamSource(stream).connect(microphone);
    this.send({ event: "microphone", rate: (this.microphoneRate = context.sampleRate) });
    microphone.port.onmessage = ({ data }) => this.send(data);
  }

  // Whatever the agent's own code understands.
  ask(what) {
    this.send({ event: "asked", what });
  }

  take(data) {
    if (typeof data !== "string") {
      const number = new DataView(data).getUint32(0, true);
      this.player?.port.postMessage({ audio: number, pcm: new Int16Array(data.slice(4)) });
      return;
    }
    const { do: what, message, rate, text, view } = JSON.parse(data);
    if (what === "begin") {
      if (this.microphoneRate) this.send({ event: "microphone", rate: this.microphoneRate });
      this.knowRate(rate);
    } else if (what === "cut") this.player?.port.postMessage({ cut: message });
    else if (what === "pause" || what === "resume") this.player?.port.postMessage({ pause: what === "pause" });
    else if (what === "text") this.dispatch("text", { message, text });
    else if (what === "view") this.dispatch("view", view);
  }

  takeFact(fact) {
    const latency = Math.round((this.context.baseLatency + (this.context.outputLatency || 0)) * this.context.sampleRate);
    if (latency !== this.latency) this.player.port.postMessage({ latency: (this.latency = latency) });
    if (fact.event !== "tick") this.send(fact);
  }

  tellState() {
    this.send({ event: "state", state: this.context.state });
    this.dispatch("state", this.context.state);
  }

  send(data) {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.socket.send(data instanceof ArrayBuffer ? data : JSON.stringify(data));
  }

  dispatch(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// What is under way is waited for by all who ask for it; what failed may be tried again.
async function once(owner, name) {
  try {
    await owner[name];
  } catch (error) {
    owner[name] = undefined;
    throw error;
  }
}

// The same after a reload, another in every tab: so the conversation goes on.
function keyOfThisTab() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const made = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    const key = sessionStorage.getItem("speech-key") ?? made;
    sessionStorage.setItem("speech-key", key);
    return key;
  } catch {
    return made; // a page that may keep nothing
  }
}
