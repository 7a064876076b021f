// Buttons that are at work for a while.

const left = new WeakSet(); // buttons that had the focus when they were disabled

/** Whether a button can be pressed. One that is at work for a while has the focus back afterwards, for the keyboard. */
export function enable(button, yes) {
  if (!yes && button === document.activeElement) left.add(button);
  button.disabled = !yes;
  if (yes && left.delete(button) && document.activeElement === document.body) button.focus();
}
