// A link with data-dialog opens that dialog instead of the page it leads to. Enter must never confirm by accident,
// so the focus starts on Cancel, and it returns to the link when the dialog closes.
export function show(dialog, opener = document.activeElement) {
  if (dialog.open) return;
  dialog.showModal();
  dialog.querySelector("[data-cancel]")?.focus();
  dialog.addEventListener("close", () => opener?.isConnected && opener.focus(), { once: true });
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    show(dialog, opener);
    return;
  }
  if (event.target.closest("[data-cancel]")) {
    const open = event.target.closest("dialog");
    if (open) {
      event.preventDefault();
      open.close();
    }
  }
  if (event.target instanceof HTMLDialogElement) event.target.close();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("htmx:load", (event) => {
  const found = event.detail.elt;
  const dialog = found.matches?.("dialog[data-show]") ? found : found.querySelector?.("dialog[data-show]");
  if (dialog) show(dialog);
});
