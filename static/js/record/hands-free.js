// When a take is over without a key: after a pause that is longer than the speaker's own. Levels in, decisions out.

const FLOOR_SECONDS = 8; // of live level that the room is learned from
const FLOOR_SHARE = 0.1; // of them are the room: even in a long sentence there are gaps between the syllables
const SPEECH_OVER = 6; // dB above the floor
const SPEECH_BLOCKS = 3; // one after the other (64 ms at 48 kHz); a click is shorter
const SPEECH_SECONDS = 0.2; // before which no pause counts
const PAUSE_SECONDS = 0.15; // shorter ones are closures of consonants
const LEAST_SECONDS = 1.0; // after which a take ends at the earliest
const MOST_SECONDS = 2.5; // and at the latest
const LONGER = 1.5; // than the speaker's own pauses
const PATIENCE_SECONDS = 10; // without any speech
const REMEMBERED = 20; // takes
const STORED = "moksori.hands-free"; // whether it is on, for this browser

/** How loud the room is, learned from the live level all the time. */
export class FloorTrack {
  constructor() {
    this.levels = [];
    this.seconds = 0;
  }

  push(dbfs, seconds) {
    this.levels.push(dbfs);
    this.seconds += seconds;
    while (this.seconds > FLOOR_SECONDS) {
      this.levels.shift();
      this.seconds -= seconds;
    }
  }

  get dbfs() {
    const sorted = [...this.levels].sort((a, b) => a - b);
    return sorted[Math.floor(FLOOR_SHARE * sorted.length)] ?? 0;
  }
}

/** The pauses that a speaker makes inside of sentences: the longest of each take, the newest takes. */
export class OwnPauses {
  constructor(longest = []) {
    this.longest = longest;
  }

  add(seconds) {
    this.longest = [...this.longest, seconds].slice(-REMEMBERED);
  }

  /** Seconds after which a take is over: longer than nine in ten of them, and than the `latest` one. */
  limit(latest = 0) {
    const sorted = [...this.longest].sort((a, b) => a - b);
    const own = sorted[Math.floor(0.9 * (sorted.length - 1))] ?? 0;
    return Math.min(MOST_SECONDS, Math.max(LEAST_SECONDS, LONGER * Math.max(own, latest)));
  }
}

/** Follows one take. `push` answers "waiting", "speaking", "pause", "over", or "nothing" when nobody speaks at all. */
export class TakeEnd {
  constructor(pauses) {
    this.pauses = pauses;
    this.recent = []; // the last three levels: their median does not hear a click
    this.loud = 0; // blocks of speech in a row
    this.spoken = 0; // seconds
    this.quiet = 0; // seconds since speech
    this.longest = 0; // pause between two words
  }

  push(dbfs, floor, seconds) {
    this.recent = [...this.recent, dbfs].slice(-3);
    const level = [...this.recent].sort((a, b) => a - b)[Math.floor(this.recent.length / 2)];
    this.loud = level > floor + SPEECH_OVER ? this.loud + 1 : 0;
    this.quiet += seconds;
    if (this.loud >= SPEECH_BLOCKS) {
      if (this.spoken >= SPEECH_SECONDS && this.quiet > PAUSE_SECONDS) this.longest = Math.max(this.longest, this.quiet);
      this.spoken += seconds;
      this.quiet = 0;
      return "speaking";
    }
    if (this.spoken < SPEECH_SECONDS) return this.quiet > PATIENCE_SECONDS ? "nothing" : "waiting";
    return this.quiet > this.pauses.limit(this.longest) ? "over" : "pause";
  }
}

/**
 * The mode itself: listens all the time, so that it knows the room and the speaker before it is switched on.
 * `storage` (localStorage) keeps whether it is on; without one it is off after a reload.
 */
export class HandsFree {
  constructor(storage = null) {
    this.storage = storage;
    this.on = this.#stored();
    this.pauses = new OwnPauses();
    this.room();
  }

  /** A microphone was opened: another room, maybe. */
  room() {
    this.floor = new FloorTrack();
    this.take = null;
  }

  toggle() {
    this.on = !this.on;
    try {
      if (this.on) this.storage?.setItem(STORED, "on");
      else this.storage?.removeItem(STORED);
    } catch {
      // it holds until the page is left
    }
    return this.on;
  }

  begin() {
    this.take = new TakeEnd(this.pauses);
  }

  /** The take is over, by itself or by a key: what it says of the speaker's pauses stays, where it was spoken in. */
  end() {
    if (this.take?.spoken >= SPEECH_SECONDS) this.pauses.add(this.take.longest);
    this.take = null;
  }

  /** A block of `seconds` at `dbfs` (RMS): what becomes of the take that is being recorded, if any. */
  push(dbfs, seconds) {
    const state = this.take?.push(dbfs, this.floor.dbfs, seconds) ?? "";
    this.floor.push(dbfs, seconds);
    return this.on ? state : "";
  }

  #stored() {
    try {
      return this.storage?.getItem(STORED) === "on";
    } catch {
      return false; // a browser that keeps nothing
    }
  }
}
