import { SpeechPage } from "./speech.js";

const [button, status, words] = ["talk", "status", "words"].map((id) => document.getElementById(id));
const speech = new SpeechPage();

async function attempt(what, done, failed) {
  try {
    await what;
    status.textContent = done;
  } catch (error) {
    status.textContent = `${failed}: ${error.message}`;
  }
}

button.addEventListener("click", async () => {
  button.textContent = "Talk";
  await attempt(speech.play(), "The agent can be heard.", "The agent cannot be heard");
  await attempt(speech.listen(), "The agent can be heard, and hears you.", "The agent does not hear you");
});
speech.addEventListener("text", ({ detail }) => (words.textContent += detail.text));
speech.addEventListener("gone", ({ detail }) => {
  status.textContent = `The agent is gone: ${detail.reason || detail.code}`;
  button.textContent = "Talk again";
});
