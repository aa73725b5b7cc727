import { SpeechCall } from "./speech.js";

const [button, status] = ["talk", "status"].map((id) => document.getElementById(id));
let call;

button.addEventListener("click", async () => {
  if (call) return;
  call = new SpeechCall();
  call.addEventListener("gone", () => {
    call = undefined;
    status.textContent = "The agent is gone.";
    button.textContent = "Talk again";
  });
  try {
    const hears = await call.connect();
    status.textContent = hears ? "The agent can be heard, and hears you." : "The agent can be heard, and does not hear you.";
  } catch (error) {
    call = undefined;
    status.textContent = `The agent cannot be reached: ${error.message}`;
  }
});
