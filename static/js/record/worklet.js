// Runs on the audio thread: hands on what the microphone gives, untouched, and says when something is missing.

const BLOCK = 1024; // samples in one message: 21 ms at 48 kHz

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(BLOCK);
    this.filled = 0;
    this.start = 0; // frame of the block's first sample
    this.expected = -1; // frame that the next quantum must begin with
    this.gap = 0; // frames that were never delivered, before this block
    this.empty = 0; // frames in this block for which no input was connected
    this.lag = -Infinity; // ms by which the wall clock is ahead of the frames: the block's worst, see lateness.js
  }

  process(inputs) {
    const input = inputs[0][0];
    if (this.expected >= 0 && currentFrame !== this.expected) this.gap += currentFrame - this.expected;
    const length = input ? input.length : 128;
    this.lag = Math.max(this.lag, Date.now() - (1000 * currentFrame) / sampleRate);
    this.expected = currentFrame + length;
    if (this.filled === 0) this.start = currentFrame;
    if (input) this.block.set(input, this.filled);
    else {
      this.block.fill(0, this.filled, this.filled + length);
      this.empty += length;
    }
    this.filled += length;
    if (this.filled >= BLOCK) {
      const samples = this.block;
      const { start: frame, gap, empty, lag } = this;
      this.port.postMessage({ samples, frame, gap, empty, lag }, [samples.buffer]);
      this.block = new Float32Array(BLOCK);
      this.filled = this.gap = this.empty = 0;
      this.lag = -Infinity;
    }
    return true;
  }
}

registerProcessor("capture", Capture);
