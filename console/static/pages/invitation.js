// An invitation: its owner sets a password, once.
import { html, useState } from "../vendor/htm-preact-3.1.1.js";
import { post } from "../api.js";
import { t } from "../words.js";
import { Tongue } from "./login.js";

export default function Invitation() {
  const [wrong, setWrong] = useState("");
  const [name, setName] = useState("");
  const send = async (event) => {
    event.preventDefault();
    const { password, again } = Object.fromEntries(new FormData(event.target));
    if (password !== again) { setWrong(t("invitation.differ")); return; }
    try { setName((await post("invitation", { word: location.hash.slice(1), password })).name); } catch (error) { setWrong(error.message); }
  };
  if (name) return html`<div class="gate"><div class="panel"><h1>${t("invitation.done", { name })}</h1><a class="button" href="/">${t("login.go")}</a></div></div>`;
  return html`<div class="gate"><form class="panel" onSubmit=${send}><h1>${t("invitation.title")}</h1>
    <label>${t("login.password")}<input name="password" type="password" minlength="10" autocomplete="new-password" required autofocus /></label>
    <label>${t("invitation.again")}<input name="again" type="password" minlength="10" autocomplete="new-password" required /></label>
    ${wrong && html`<p class="note bad" role="alert">${wrong}</p>`}
    <button class="primary">${t("invitation.go")}</button><${Tongue} /></form></div>`;
}
