// A voice that is renewed keeps its name: the fields for a new one are shown only where they are asked for, and the
// button says which of the two it does.

const replaces = document.querySelector("[name=replaces]");
const fields = document.querySelectorAll("[data-for-new]");
const button = document.querySelector("[data-publish]");
const publish = button.textContent;

function showChoice() {
  const replacing = Boolean(replaces?.value);
  for (const field of fields) field.hidden = replacing;
  button.textContent = replacing ? button.dataset.replace : publish;
}

replaces?.addEventListener("change", showChoice);
showChoice();
