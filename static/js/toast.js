// One short sentence at the foot of the page, read out politely, gone after a few seconds.
const element = document.querySelector("#toast");
let timer;

export function toast(text, seconds = 6) {
  clearTimeout(timer);
  element.textContent = text;
  timer = setTimeout(() => { element.textContent = ""; }, seconds * 1000);
}
