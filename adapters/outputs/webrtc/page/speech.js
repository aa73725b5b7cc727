// A page as the agent's loudspeaker and the user's microphone, by WebRTC. docs/outputs.md has the messages.
//
//   const call = new SpeechCall();
//   button.onclick = () => call.connect();
//
// Events: "open", "gone".

const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const LINE_RATE = 48; // samples in a millisecond
const PACKET = 20 * LINE_RATE;
const REPORT_EVERY_MS = 50;
const LOOK_AT_DELAY_EVERY_MS = 500;
const USUAL_DELAY_MS = 40;

export class SpeechCall extends EventTarget {
  constructor({ offer = "offer", base = import.meta.url } = {}) {
    super();
    this.offer = new URL(offer, document.baseURI);
    this.base = base;
    this.given = []; // {at, timestamp}: when the jitter buffer gave out what, the latest last
    this.delay = USUAL_DELAY_MS; // from there to the loudspeaker
    this.reported = 0;
  }

  // Browsers let a page sound only when the user has done something on it: call this in an event of a button or a key.
  // Returns whether the user can be heard.
  async connect() {
    const peer = (this.peer = new RTCPeerConnection());
    this.channel = peer.createDataChannel("speech");
    this.channel.onmessage = ({ data }) => this.take(JSON.parse(data));
    this.channel.onclose = () => this.close();
    peer.onconnectionstatechange = () => ["failed", "closed"].includes(peer.connectionState) && this.close();
    addEventListener("pagehide", () => this.close());
    const microphone = await navigator.mediaDevices?.getUserMedia({ audio: MICROPHONE }).catch(() => null);
    if (microphone) peer.addTrack(microphone.getAudioTracks()[0], microphone);
    else peer.addTransceiver("audio", { direction: "recvonly" });
    this.microphone = microphone;
    this.audio = new Audio();
    peer.ontrack = ({ receiver, track }) => {
      this.receiver = receiver;
      this.audio.srcObject = new MediaStream([track]);
      this.playing = this.audio.play();
    };
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const answer = await fetch(this.offer, { method: "POST", body: JSON.stringify(peer.localDescription) });
    if (!answer.ok) throw new Error(await answer.text());
    await peer.setRemoteDescription(await answer.json());
    await this.playing;
    this.ticker = new Worker(new URL("ticker.js", this.base));
    this.ticker.onmessage = () => this.look();
    this.dispatchEvent(new CustomEvent("open"));
    return Boolean(microphone);
  }

  close() {
    if (this.isClosed) return;
    this.isClosed = true;
    this.ticker?.terminate();
    this.peer.close();
    this.microphone?.getTracks().forEach((track) => track.stop());
    this.dispatchEvent(new CustomEvent("gone"));
  }

  take({ do: what, number, until }) {
    if (what !== "mute") return;
    this.look();
    this.audio.muted = true;
    const timestamp = this.givenAt(now());
    if (!this.isMuted) this.mutedAt = timestamp;
    this.isMuted = true;
    this.until = until;
    // What has left the jitter buffer cannot be called back: it is heard.
    this.send({ event: "muted", number, timestamp: this.mutedAt ?? null });
  }

  // What is played now: by the RTP timestamp of the packet that the jitter buffer gave out last.
  look() {
    const [source] = this.receiver?.getSynchronizationSources() ?? [];
    if (!source) return;
    const time = now();
    if (this.given.at(-1)?.timestamp !== source.rtpTimestamp) {
      this.given.push({ at: source.timestamp, timestamp: source.rtpTimestamp });
      if (this.given.length > 100) this.given.shift();
    }
    if (this.isMuted && after(source.rtpTimestamp, this.until) >= 0) {
      this.audio.muted = this.isMuted = false;
      this.given = this.given.slice(-1);
    }
    if (!this.isMuted && time - this.reported >= REPORT_EVERY_MS) this.report(time);
    if (!(time - this.lookedAtDelay < LOOK_AT_DELAY_EVERY_MS)) this.lookAtDelay(time);
  }

  report(time) {
    const timestamp = this.givenAt(time - this.delay);
    if (timestamp === undefined || this.channel.readyState !== "open") return;
    this.reported = time;
    this.send({ event: "heard", timestamp });
  }

  givenAt(time) {
    const packet = this.given.findLast(({ at }) => at <= time);
    return packet && (packet.timestamp + Math.min(PACKET, Math.round((time - packet.at) * LINE_RATE))) % 2 ** 32;
  }

  // How long the audio system takes, by what it has played since the last look (media-playout of getStats).
  async lookAtDelay(time) {
    this.lookedAtDelay = time;
    for (const stats of (await this.peer.getStats()).values()) {
      if (stats.type !== "media-playout") continue;
      const { totalPlayoutDelay, totalSamplesCount } = stats;
      const count = totalSamplesCount - (this.playout?.totalSamplesCount ?? 0);
      if (count > 0) this.delay = (1000 * (totalPlayoutDelay - (this.playout?.totalPlayoutDelay ?? 0))) / count;
      this.playout = { totalPlayoutDelay, totalSamplesCount };
    }
  }

  send(fact) {
    if (this.channel.readyState === "open") this.channel.send(JSON.stringify(fact));
  }
}

const now = () => performance.timeOrigin + performance.now();

// How much later one RTP timestamp is than another.
const after = (one, other) => (one - other) | 0;

function gathered(peer) {
  return new Promise((resolve) => {
    const look = () => peer.iceGatheringState === "complete" && resolve();
    peer.addEventListener("icegatheringstatechange", look);
    look();
  });
}
