// A line to copy: an address or a key. Without a script it is still a field that can be selected.

class CopyLine extends HTMLElement {
  connectedCallback() {
    const field = this.querySelector("input");
    const button = this.querySelector("button");
    field.addEventListener("focus", () => field.select());
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(field.value);
        button.textContent = button.dataset.copied;
      } catch {
        field.focus(); // the browser does not let us: then it is selected, for Ctrl-C
      }
    });
  }
}

customElements.define("copy-line", CopyLine);
