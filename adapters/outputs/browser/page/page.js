import { SpeechPage } from "./speech.js";

const [button, status, words] = ["talk", "status", "words"].map((id) => document.getElementById(id));
const speech = new SpeechPage();

button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    await speech.play();
    status.textContent = "The agent can be heard.";
    await speech.listen();
    status.textContent = "The agent can be heard, and hears you.";
  } catch (error) {
    status.textContent += ` No microphone: ${error.message}`;
  }
});
speech.addEventListener("text", ({ detail }) => (words.textContent += detail.text));
speech.addEventListener("gone", ({ detail }) => {
  status.textContent = `The agent is gone: ${detail.reason || detail.code}`;
  button.disabled = true;
});
