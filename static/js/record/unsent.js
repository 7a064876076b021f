// The dialog of the takes that only this browser has.

export class Unsent {
  constructor(room) {
    this.room = room;
    room.addEventListener("click", (event) => {
      const button = event.target.closest("[data-row-do]");
      const row = button?.closest("[data-id]");
      if (row) this.act(button.dataset.rowDo, row.dataset.id);
    });
  }

  async show() {
    await this.refresh();
    this.room.view.parts["unsent-dialog"].showModal();
  }

  async refresh() {
    this.room.view.unsentRows(await this.room.store.of(this.room.dataset.speaker));
  }

  async act(action, id) {
    const row = await this.room.store.get(id);
    if (!row) return;
    if (action === "download") {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([row.wav], { type: "audio/wav" }));
      link.download = `${row.text.slice(0, 40)}.wav`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    } else if (action === "remove" && confirm(this.room.words.sending.confirm_remove)) {
      await this.room.store.delete(id);
      await this.room.sender.tell();
      await this.refresh();
    }
  }
}
