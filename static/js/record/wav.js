// WAV as the server keeps it: RIFF, PCM, 16 bit, mono, 44 bytes of header. speech/wav.py reads it.

/** Float samples in -1..1 → 16-bit integers, rounded and clipped. */
export function toInt16(samples) {
  const whole = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i += 1) {
    whole[i] = Math.max(-32768, Math.min(32767, Math.round(samples[i] * 32768)));
  }
  return whole;
}

/** One WAV file (ArrayBuffer) of float samples. */
export function encodeWav(samples, sampleRate) {
  const body = toInt16(samples);
  const buffer = new ArrayBuffer(44 + 2 * body.length);
  const view = new DataView(buffer);
  const text = (offset, letters) => [...letters].forEach((letter, i) => view.setUint8(offset + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * body.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true); // bits
  text(36, "data");
  view.setUint32(40, 2 * body.length, true);
  for (let i = 0; i < body.length; i += 1) view.setInt16(44 + 2 * i, body[i], true);
  return buffer;
}

/** SHA-256 of a buffer, in hex. */
export async function sha256(buffer) {
  const digest = await crypto.subtle.digest("SHA-256", buffer);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
