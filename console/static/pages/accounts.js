// Accounts, for the system administrator: made without rights, which the security officer gives.
import { html, useState } from "../vendor/htm-preact-3.1.1.js";
import { ask, path, post } from "../api.js";
import { t } from "../words.js";
import { Act, Ask, Loading, useAsked } from "../parts.js";

export default function Accounts() {
  const found = useAsked(() => ask("accounts"), []);
  const [dialog, setDialog] = useState(false);
  const [link, setLink] = useState(null);
  const show = (name, { word }) => { setLink({ name, address: `${location.origin}/invitation#${word}` }); found.again(); };
  return html`<section class="panel"><header><h1>${t("page.accounts")}</h1><button type="button" class="primary" onClick=${() => setDialog(true)}>${t("accounts.new")}</button></header>
    ${link && html`<div class="note good"><p>${t("accounts.link", { name: link.name })}</p><p class="mono">${link.address}</p></div>`}
    ${found.value ? html`<div class="scroll"><table><thead><tr><th>${t("login.name")}</th><th>${t("account.title")}</th><th>${t("rights.role")}</th><th>${t("accounts.state")}</th><th></th></tr></thead><tbody>${found.value.accounts.map((one) => html`<tr key=${one.name}><td class="mono">${one.name}</td><td>${one.title}</td><td>${t(`role.${one.role}`)}</td><td>${one.disabled ? t("accounts.disabled") : one.locked_until_ms > Date.now() ? t("accounts.locked") : one.password ? t("accounts.active") : t("accounts.invited")}</td><td><${Act} kind="small" act=${() => post(`accounts/${path(one.name)}/invitation`)} onDone=${(answer) => show(one.name, answer)}>${t("accounts.invite")}<//></td></tr>`)}</tbody></table></div>` : html`<${Loading} of=${found} />`}
    ${dialog && html`<${Ask} title=${t("accounts.new")} word=${t("accounts.make")} onClose=${() => setDialog(false)} go=${async ({ name, title }) => show(name, await post("accounts", { name, title }))}><p class="muted">${t("accounts.why")}</p><label>${t("login.name")}<input name="name" pattern="[a-z0-9][a-z0-9._\\-]*" required /></label><label>${t("account.title")}<input name="title" required maxlength="80" /></label><//>`}
  </section>`;
}
