// <take-table>: plays a row's take at a press, one at a time.

class TakeTable extends HTMLElement {
  connectedCallback() {
    this.audio = new Audio();
    this.audio.addEventListener("ended", () => this.stop());
    this.addEventListener("click", (event) => {
      const button = event.target.closest("[data-audio]");
      if (!button) return;
      const same = button === this.button;
      this.stop();
      if (same) return;
      this.button = button;
      button.setAttribute("aria-pressed", "true");
      button.firstElementChild.textContent = "■";
      this.audio.src = button.dataset.audio;
      this.audio.play().catch(() => this.stop());
    });
  }

  stop() {
    this.audio.pause();
    if (!this.button) return;
    this.button.setAttribute("aria-pressed", "false");
    this.button.firstElementChild.textContent = "▶";
    this.button = null;
  }
}

customElements.define("take-table", TakeTable);
