// Levels in dBFS, as people of the trade read them.

export const FLOOR_DBFS = -96; // what 16 bits can hold

export function toDbfs(amplitude) {
  return amplitude > 0 ? Math.max(FLOOR_DBFS, 20 * Math.log10(amplitude)) : FLOOR_DBFS;
}

/** Peak and RMS of a block, linear. */
export function measure(samples) {
  let peak = 0;
  let power = 0;
  for (const sample of samples) {
    const size = Math.abs(sample);
    if (size > peak) peak = size;
    power += sample * sample;
  }
  return { peak, rms: Math.sqrt(power / Math.max(1, samples.length)) };
}

/** Where the peak stands: "clipping", "loud", "good", "quiet" or "silent"; the limits are those of speech.quality. */
export function zone(peakDbfs) {
  if (peakDbfs > -0.1) return "clipping";
  if (peakDbfs > -3) return "loud";
  if (peakDbfs >= -12) return "good";
  if (peakDbfs >= -40) return "quiet";
  return "silent";
}

/** A meter with ballistics: up at once, down 24 dB a second; the peak mark stays for 1.5 s. */
export class Ballistics {
  constructor() {
    this.level = FLOOR_DBFS;
    this.mark = FLOOR_DBFS;
    this.markAge = 0;
  }

  update(peakDbfs, seconds) {
    this.level = Math.max(peakDbfs, this.level - 24 * seconds, FLOOR_DBFS);
    this.markAge += seconds;
    if (peakDbfs >= this.mark || this.markAge > 1.5) {
      this.mark = Math.max(peakDbfs, this.level);
      this.markAge = 0;
    }
    return this;
  }
}
