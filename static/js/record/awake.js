// Keeps the screen on while the microphone is open: a screen that goes dark suspends the sound on phones.

let lock = null;
let wanted = false;

async function take() {
  if (!wanted || document.hidden || (lock && !lock.released)) return;
  try {
    lock = await navigator.wakeLock?.request("screen");
  } catch {
    lock = null; // a low battery refuses it; recording goes on without
  }
}

export function keepAwake(on) {
  wanted = on;
  if (on) take();
  else {
    lock?.release();
    lock = null;
  }
}

document.addEventListener("visibilitychange", take); // the browser drops the lock when the page is hidden
