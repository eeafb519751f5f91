// What the person sees when an answer does not arrive. A poll keeps trying and only shows that it is behind.
import { toast } from "./toast.js";

const polls = (element) => element.getAttribute("hx-trigger")?.startsWith("every");

function lost(event) {
  const element = event.detail.elt;
  if (polls(element)) element.classList.add("stale");
  else toast("No answer from the server. Check your connection and try again; nothing is done twice.", 10);
}

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.isError && polls(event.detail.requestConfig.elt)) event.detail.shouldSwap = false;
});
document.addEventListener("htmx:sendError", lost);
document.addEventListener("htmx:timeout", lost);
document.addEventListener("htmx:responseError", (event) => {
  if (polls(event.detail.elt) || !event.detail.xhr.responseText.includes('id="problem"')) lost(event);
});
document.addEventListener("htmx:afterOnLoad", (event) => event.detail.elt.classList.remove("stale"));
