// The first start: the three who administer, each with an account of their own.
import { html, useState } from "../vendor/htm-preact-3.1.1.js";
import { post } from "../api.js";
import { t } from "../words.js";
import { Tongue } from "./login.js";

const PARTS = ["administrator", "security", "auditor"];
export default function Begin() {
  const [wrong, setWrong] = useState("");
  const [done, setDone] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    const body = { word: location.hash.slice(1) };
    for (const part of PARTS) body[part] = { name: given[`${part}.name`], title: given[`${part}.title`], password: given[`${part}.password`] };
    try { await post("begin", body); setDone(true); } catch (error) { setWrong(error.message); }
  };
  if (done) return html`<div class="gate"><div class="panel"><h1>${t("begin.done")}</h1><p>${t("begin.next")}</p><a class="button" href="/">${t("login.go")}</a></div></div>`;
  return html`<div class="gate"><form class="panel wide" onSubmit=${send}>
    <div class="title"><img src="/static/icon.svg" alt="" /><div><h1>${t("begin.title")}</h1><p class="muted">${t("begin.why")}</p></div></div>
    <div class="three">${PARTS.map((part) => html`<fieldset><legend>${t(`role.${part}`)}</legend><p class="muted small">${t(`role.${part}.does`)}</p>
      <label>${t("login.name")}<input name="${part}.name" pattern="[a-z0-9][a-z0-9._\\-]*" autocapitalize="none" required /></label>
      <label>${t("account.title")}<input name="${part}.title" required /></label>
      <label>${t("login.password")}<input name="${part}.password" type="password" minlength="10" autocomplete="new-password" required /></label></fieldset>`)}</div>
    ${wrong && html`<p class="note bad" role="alert">${wrong}</p>`}
    <div class="row"><button class="primary">${t("begin.go")}</button><${Tongue} /></div>
  </form></div>`;
}
