// The error summary, or a notice that answered an action, gets the focus so that it is seen and read out.
function announce(root) {
  const found = root.querySelector?.("[data-focus]") ?? (root.matches?.("[data-focus]") ? root : null);
  found?.focus();
}

announce(document);
document.addEventListener("htmx:load", (event) => announce(event.detail.elt));

// "Select all" in a list ticks the rows' own boxes.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-all]")) return;
  for (const box of event.target.form.elements) if (box.name === event.target.dataset.all) box.checked = event.target.checked;
});
