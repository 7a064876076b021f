// What can be taken back, newest first: each with the words that offer it.

export class UndoStack {
  /** `show(words)` puts the offer into the page; with "" it goes. */
  constructor(show) {
    this.show = show;
    this.steps = [];
    this.last = Promise.resolve();
  }

  push(words, run) {
    this.steps.push({ words, run });
    this.show(words);
  }

  /** Takes the last step back, once those before are through; when that fails it stays. */
  undo() {
    this.last = this.last.then(() => this.#one());
    return this.last;
  }

  async #one() {
    const step = this.steps.at(-1);
    if (step && (await step.run())) this.steps.splice(this.steps.indexOf(step), 1);
    this.show(this.steps.at(-1)?.words ?? "");
  }
}
