// What everybody did at the console, for the auditor; and whether the record is whole.
import { html, useState } from "../vendor/htm-preact-3.1.1.js";
import { ask } from "../api.js";
import { clock, day, t } from "../words.js";
import { Loading, useAsked } from "../parts.js";

export default function Audit() {
  const [before, setBefore] = useState(2 ** 53);
  const found = useAsked(() => ask(`audit?limit=100&before=${before}`), [before]);
  if (!found.value) return html`<${Loading} of=${found} />`;
  const { entries, whole, reason } = found.value;
  return html`<section class="panel"><header><h1>${t("page.audit")}</h1></header><p class="note ${whole ? "good" : "bad"}">${whole ? t("audit.whole") : t("audit.broken", { reason })}</p>
    <div class="scroll"><table><thead><tr><th>#</th><th>${t("why.at")}</th><th>${t("told.who")}</th><th>${t("audit.what")}</th><th>${t("audit.facts")}</th></tr></thead><tbody>${entries.map((entry) => { const { who, what, ...facts } = entry.body; return html`<tr key=${entry.seq}><td class="num muted">${entry.seq}</td><td class="num nowrap">${day(entry.at_ms)} ${clock(entry.at_ms)}</td><td class="mono">${who}</td><td>${what}</td><td class="mono small">${Object.entries(facts).map(([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : value}`).join("  ")}</td></tr>`; })}</tbody></table></div>
    <div class="row">${entries.length === 100 && html`<button type="button" onClick=${() => setBefore(entries.at(-1).seq)}>${t("page.older")}</button>`}</div></section>`;
}
