// A voice that is renewed keeps its name: the fields for a new one are shown only where they are asked for.

const replaces = document.querySelector("[name=replaces]");
const fields = document.querySelectorAll("[data-for-new]");

function showFields() {
  for (const field of fields) field.hidden = Boolean(replaces?.value);
}

replaces?.addEventListener("change", showFields);
showFields();
