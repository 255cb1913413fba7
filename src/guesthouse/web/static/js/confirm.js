// A dangerous form goes off only with its target's name; the server compares it again.
document.addEventListener("input", (event) => {
  const field = event.target.closest("input[data-confirm]");
  if (!field) return;
  const fits = field.value === field.dataset.confirm;
  field.setCustomValidity(fits ? "" : `Type ${field.dataset.confirm} to go on.`);
});
