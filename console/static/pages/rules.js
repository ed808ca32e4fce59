// The rules as they stand.
import { html } from "../vendor/htm-preact-3.1.1.js";
import { ask } from "../api.js";
import { t } from "../words.js";
import { Loading, useAsked } from "../parts.js";

export default function Rules() {
  const found = useAsked(() => ask("rules"), []);
  if (!found.value) return html`<${Loading} of=${found} />`;
  return html`<section class="panel"><header><h1>${t("page.rules")}</h1><span class="mono muted">${found.value.fingerprint}</span></header><pre tabindex="0">${found.value.text}</pre></section>`;
}
