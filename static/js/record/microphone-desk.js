// The microphone of the room: which one, opened and closed in words, remembered by this browser.

import { keepAwake } from "./awake.js";
import { failureWords, Microphone, microphones, rememberDevice, rememberedDevice } from "./microphone.js";

/**
 * Holds the open microphone, or none. Fires "block", "fault", "suspended" and "resumed" as the microphone does,
 * "opened" (detail: the microphone) and "closed" (detail: true when it went by itself).
 */
export class MicrophoneDesk extends EventTarget {
  constructor({ view, words, workletUrl }) {
    super();
    Object.assign(this, { view, words, workletUrl });
    this.microphone = null;
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#devicesChanged());
  }

  /** Opens one, in the click; false when it failed, and why is on the page. */
  async open(deviceId = rememberedDevice()) {
    this.close();
    this.view.notice("");
    let microphone;
    try {
      microphone = await Microphone.open({ workletUrl: this.workletUrl, deviceId });
    } catch (error) {
      if (error.code === "OverconstrainedError" && deviceId) {
        rememberDevice("");
        return this.open("");
      }
      this.#failed(error);
      return false;
    }
    this.microphone = microphone;
    for (const kind of ["block", "fault", "suspended", "resumed"]) {
      microphone.addEventListener(kind, ({ detail }) => this.#tell(kind, detail));
    }
    microphone.addEventListener("ended", () => this.close(true));
    keepAwake(true);
    rememberDevice(microphone.deviceId);
    this.#tell("opened", microphone);
    this.view.microphone(microphone, await microphones(), microphone.deviceId);
    return true;
  }

  close(byItself = false) {
    this.microphone?.close();
    this.microphone = null;
    keepAwake(false);
    this.view.microphone(null);
    this.#tell("closed", byItself);
  }

  #failed(error) {
    this.view.notice(failureWords(this.words.failures, error));
  }

  async #devicesChanged() {
    if (!this.microphone) return;
    const devices = await microphones();
    if (!this.microphone) return;
    const { deviceId } = this.microphone;
    if (deviceId && !devices.some((device) => device.deviceId === deviceId)) this.#tell("fault", "device");
    this.view.microphone(this.microphone, devices, deviceId);
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
