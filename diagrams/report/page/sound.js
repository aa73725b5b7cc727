// What was heard, as sound: it plays in step with the scrubber.

class Sound {
  #audio = null;
  #call = -1;
  #asked = 0; // where in the sound the page is, in seconds
  #at = 0; // where the sound begins in the call, in ms

  constructor(source, onTime) {
    this.source = source;
    this.onTime = onTime;
  }

  // The sound of this call, or none.
  show(call, sound) {
    if (call === this.#call) return;
    this.#call = call;
    this.#audio?.pause();
    this.#audio = null;
    by("sound").replaceChildren();
    by("sound").hidden = !sound;
    if (!sound) return;
    this.#at = sound.at_ms;
    const audio = (this.#audio = made("audio"));
    audio.controls = true;
    audio.preload = "metadata";
    audio.setAttribute("aria-label", `What was heard: ${sound.name}`);
    audio.src = sound.href ?? URL.createObjectURL(this.source.sound(call));
    const follow = () => {
      if (audio !== this.#audio) return;
      this.onTime(this.#at + audio.currentTime * 1000);
      if (!audio.paused) requestAnimationFrame(follow);
    };
    audio.addEventListener("play", follow);
    audio.addEventListener("seeked", () => audio.paused && Math.abs(audio.currentTime - this.#asked) > 0.001 && follow());
    by("sound").append(audio);
  }

  // Where the call is, unless the sound itself has said so.
  set(atMs) {
    if (!this.#audio || !this.#audio.paused) return;
    this.#asked = Math.min(Math.max(0, (atMs - this.#at) / 1000), this.#audio.duration || Infinity);
    this.#audio.currentTime = this.#asked;
  }
}
