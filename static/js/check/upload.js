// A recording of the pages before the first take, sent as takes are: its id made here, its hash answered by the server.

import { post, Refusal } from "../lib/http.js";
import { encodeWav, sha256 } from "../record/wav.js";

/** What is sent of one recording; sent again it is the same one. */
export async function sealed({ samples, sampleRate }, microphone, fields = {}) {
  const wav = encodeWav(samples, sampleRate);
  return {
    id: crypto.randomUUID(),
    sha256: await sha256(wav),
    device: microphone.label,
    microphone: JSON.stringify(microphone.settings()),
    ...fields,
    wav,
  };
}

/** The server's answer to a sealed recording. Throws Refusal, also when the server has other bytes than were sent. */
export async function send(url, recording) {
  const { wav, ...fields } = recording;
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set("audio", new Blob([wav], { type: "audio/wav" }), `${recording.id}.wav`);
  const answer = await post(url, form);
  if (answer?.sha256 !== recording.sha256) throw new Refusal(0, { code: "mismatch" });
  return answer;
}
