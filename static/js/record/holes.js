// Holes that an audio system without processor time leaves in a take: zeros where sound should be. speech/quality.py
// decides by the same rules; here they void a take before it is kept, also where the server cannot be asked.

const HOLE_SECONDS = 0.002; // of exact zeros, where the sound on both sides …
const EDGE_SECONDS = 0.001;
const LOUD = 10 ** (-50 / 20); // … is at least so loud: no voice and no noise gate does that
const QUIET_HOLE_SECONDS = [0.005, 0.25]; // in a quiet room
const SIDE_SECONDS = 0.01;
const SIDE_ZEROS = 0.4; // share of zeros on either side at most: a room below the last bit is made of them
const EDGE_SHARE = 0.25; // of a side's amplitude that its end has at least: a gate that closes fades

function rms(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length);
}

function zeroShare(samples) {
  let zeros = 0;
  for (const sample of samples) if (sample === 0) zeros += 1;
  return zeros / samples.length;
}

function sides(samples, start, end, length) {
  if (start < length || end + length > samples.length) return null;
  return [samples.subarray(start - length, start), samples.subarray(end, end + length)];
}

function isHole(samples, start, end, sampleRate) {
  const seconds = (end - start) / sampleRate;
  const edges = seconds >= HOLE_SECONDS && sides(samples, start, end, Math.max(1, Math.round(EDGE_SECONDS * sampleRate)));
  if (!edges) return false;
  if (edges.every((edge) => rms(edge) >= LOUD)) return true;
  const [shortest, longest] = QUIET_HOLE_SECONDS;
  const wide = seconds >= shortest && seconds <= longest && sides(samples, start, end, Math.round(SIDE_SECONDS * sampleRate));
  if (!wide) return false;
  return wide.every((side, i) => zeroShare(side) <= SIDE_ZEROS && rms(edges[i]) >= EDGE_SHARE * rms(side));
}

/** How many samples of a take (Float32Array) are holes. */
export function holes(samples, sampleRate) {
  let missing = 0;
  for (let start = 0; start < samples.length; start += 1) {
    if (samples[start] !== 0) continue;
    let end = start;
    while (end < samples.length && samples[end] === 0) end += 1;
    if (isHole(samples, start, end, sampleRate)) missing += end - start;
    start = end;
  }
  return missing;
}
