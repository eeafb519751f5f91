// Single keys are a help to some and a trap for others (WCAG 2.1.4), so the help dialog can switch them off.
import { show } from "./dialogs.js";

const help = document.querySelector("#shortcuts");
const choice = document.querySelector("#shortcuts-on");
const isOn = () => localStorage.getItem("shortcuts") !== "off";
const typing = (target) => target.isContentEditable || target.matches("input, select, textarea");

function step(by) {
  const links = [...document.querySelectorAll("table.rows tbody tr")].map((row) => row.querySelector("a")).filter(Boolean);
  const here = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  links[Math.min(Math.max(here + by, 0), links.length - 1)]?.focus();
}

const keys = {
  "/": () => [...document.querySelectorAll("[data-search]")].find((element) => element.offsetParent)?.focus(),
  "?": () => help && show(help),
  j: () => step(1),
  k: () => step(-1),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (keys[event.key] && isOn()) {
    event.preventDefault();
    keys[event.key]();
  }
});

if (choice) {
  choice.checked = isOn();
  choice.addEventListener("change", () => localStorage.setItem("shortcuts", choice.checked ? "on" : "off"));
}
