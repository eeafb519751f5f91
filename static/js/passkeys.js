// A form with data-passkey="new" or "get" asks the browser for a passkey first, and sends its answer along.
const encode = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const decode = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const known = (credentials = []) => credentials.map((one) => ({ ...one, id: decode(one.id) }));

async function options(form) {
  const answer = await fetch(form.dataset.challenges, {
    method: "POST",
    headers: { "X-CSRFToken": form.elements.csrf_token.value },
  });
  if (!answer.ok) throw new Error("refused");
  const asked = await answer.json();
  asked.challenge = decode(asked.challenge);
  return asked;
}

async function answered(form) {
  const asked = await options(form);
  asked.excludeCredentials = known(asked.excludeCredentials);
  asked.allowCredentials = known(asked.allowCredentials);
  if (form.dataset.passkey === "get") return navigator.credentials.get({ publicKey: asked });
  asked.user.id = decode(asked.user.id);
  return navigator.credentials.create({ publicKey: asked });
}

function written(passkey) {
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (passkey.response[part]) response[part] = encode(passkey.response[part]);
  }
  return JSON.stringify({ id: passkey.id, rawId: encode(passkey.rawId), type: passkey.type, response });
}

function explain(form, error) {
  const place = form.querySelector("[data-passkey-problem]");
  place.hidden = false;
  place.textContent =
    error.name === "InvalidStateError"
      ? "This device has a passkey for your account already."
      : error.name === "NotAllowedError"
        ? "No passkey was used. Try again, or take another way."
        : "Passkeys don't work here. Take another way.";
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const answer = form.elements.answer;
  if (!form.dataset.passkey || answer.value) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  try {
    answer.value = written(await answered(form));
  } catch (error) {
    explain(form, error);
    return;
  }
  form.requestSubmit();
}, { capture: true });
