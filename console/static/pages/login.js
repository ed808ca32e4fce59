// Signing in, and the second factor's first code.
import { html, useState } from "../vendor/htm-preact-3.1.1.js";
import { post, setCsrf } from "../api.js";
import { language, speak, t } from "../words.js";

export default function Login({ me, onEnter }) {
  return html`<div class="gate"><div class="panel">
    <div class="title"><img src="/static/icon.svg" alt="" /><div><h1>Tocsin</h1><p class="muted">${t("login.subtitle")}</p></div></div>
    ${me?.enrol ? html`<${Enrol} me=${me} onEnter=${onEnter} />` : html`<${SignIn} onEnter=${onEnter} />`}
    <${Tongue} />
  </div></div>`;
}
export function Tongue() {
  const swap = async () => { await speak(language === "zh" ? "en" : "zh"); location.reload(); };
  return html`<button type="button" class="plain" onClick=${swap}>${language === "zh" ? "English" : "中文"}</button>`;
}
function SignIn({ onEnter }) {
  const [wrong, setWrong] = useState("");
  const [coded, setCoded] = useState(false);
  const [busy, setBusy] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    try { await onEnter(await post("session", Object.fromEntries(new FormData(event.target)))); } catch (error) {
      if (error.code === "code-needed") { setCoded(true); setWrong(""); } else setWrong(error.message);
    }
    setBusy(false);
  };
  return html`<form class="stack" onSubmit=${send}>
    <label>${t("login.name")}<input name="name" autocomplete="username" autocapitalize="none" required autofocus /></label>
    <label>${t("login.password")}<input name="password" type="password" autocomplete="current-password" required /></label>
    ${coded && html`<label>${t("login.code")}<input name="code" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9]{6}" required autofocus /></label>`}
    ${wrong && html`<p class="note bad" role="alert">${wrong}</p>`}
    <button class="primary" disabled=${busy}>${t("login.go")}</button>
  </form>`;
}
function Enrol({ me, onEnter }) {
  const [wrong, setWrong] = useState("");
  setCsrf(me.csrf);
  const send = async (event) => {
    event.preventDefault();
    try { await onEnter(await post("session/second", Object.fromEntries(new FormData(event.target)))); } catch (error) { setWrong(error.message); }
  };
  return html`<form class="stack" onSubmit=${send}>
    <h2>${t("enrol.title")}</h2><p>${t("enrol.how")}</p>
    <div class="qr" dangerouslySetInnerHTML=${{ __html: me.enrol.svg }}></div>
    <p class="mono">${me.enrol.secret.match(/.{4}/g).join(" ")}</p>
    <label>${t("login.code")}<input name="code" inputmode="numeric" pattern="[0-9]{6}" required autofocus /></label>
    ${wrong && html`<p class="note bad" role="alert">${wrong}</p>`}
    <button class="primary">${t("enrol.go")}</button>
  </form>`;
}
