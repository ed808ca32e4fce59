// The phone: what is open, and answering with one thumb; a link from a message needs no name and password.
import { html, useEffect, useState } from "../vendor/htm-preact-3.1.1.js";
import { ask, newRequest, path, post } from "../api.js";
import { ago, clock, language, named, setZone, speak, t } from "../words.js";
import { live, nowMs, useClock, useLive } from "../live.js";
import { Badge, Drill, ROMAN, SHAPES, Standing, headline } from "../parts.js";

export default function Phone({ me, rest }) {
  if (rest && !rest.includes("/")) return html`<${ByLink} token=${rest} />`;
  return me ? html`<${Mine} me=${me} />` : null;
}
const Top = ({ children }) => html`<header class="top"><span class="brand"><img src="/static/icon.svg" alt="" />${children}</span><span class="grow"></span><button type="button" onClick=${async () => { await speak(language === "zh" ? "en" : "zh"); location.reload(); }}>${language === "zh" ? "EN" : "中文"}</button></header>`;

function ByLink({ token }) {
  const [found, setFound] = useState(null);
  const [wrong, setWrong] = useState("");
  const [done, setDone] = useState("");
  const [busy, setBusy] = useState(false);
  const [request] = useState(newRequest); // the same for every attempt: a repeat is no second answer
  const look = () => ask(`links/${path(token)}`, { quiet: true }).then(setFound, (error) => setWrong(error.message));
  useEffect(() => { look(); const timer = setInterval(look, 5000); return () => clearInterval(timer); }, []);
  if (wrong && !found) return html`<${Top}>Tocsin<//><main class="phone"><p class="note bad" role="alert">${wrong}</p></main>`;
  if (!found) return html`<p class="empty">${t("loading")}</p>`;
  const texts = found.texts[language];
  const answered = done || found.case.answers.find((answer) => answer.person === found.person);
  const send = async () => {
    setBusy(true);
    setWrong("");
    try { setDone((await post(`links/${path(token)}`, { request }))[language]); await look(); } catch (error) { setWrong(error.message); }
    setBusy(false);
  };
  return html`<${Top}>${named(found.place)}<//><main class="phone">
    <div class="band ${found.case.level}">${SHAPES[found.case.level]} ${ROMAN[found.case.level]} ${t(`level.${found.case.level}`)} ${texts.event} <${Drill} status=${found.status} /></div>
    <h1>${texts.headline}</h1><p>${texts.description}</p><p class="note instruction">${texts.instruction}</p>
    <p class="muted small">${t("phone.for", { name: named(found.name) })} · ${texts.areas.join("、")} · ${clock(found.sent_ms)}</p>
    <section class="panel"><h2>${t("phone.answered")}</h2>${found.case.answers.length === 0 ? html`<p class="waiting">${t("case.nobody")}</p>` : found.case.answers.map((answer) => html`<p><span class="answered">✓</span> ${named(answer.name)} <span class="muted num">${clock(answer.at_ms)}</span> ${answer.note}</p>`)}</section>
    ${wrong && html`<p class="note bad" role="alert">${wrong}</p>`}
  </main>
  ${answered ? html`<div class="thumb done" role="status">✓ ${t("phone.done")}</div>` : html`<div class="thumb"><button type="button" class="danger" onClick=${send} disabled=${busy}>${t("phone.ack")}</button></div>`}`;
}

function Mine({ me }) {
  useLive();
  useClock(5000);
  const [picked, setPicked] = useState(null);
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  setZone(live.district.timezone);
  const one = live.cases.find((each) => each.ref === picked);
  const mine = one?.answers.some((answer) => answer.person === me.person);
  const open = one && !["over", "overdue"].includes(one.state);
  const send = async () => {
    setBusy(true);
    setWrong("");
    try { await post(`cases/${path(one.ref)}/ack`, { request: newRequest() }); } catch (error) { setWrong(error.message); }
    setBusy(false);
  };
  if (one) {
    return html`<${Top}>${named(live.district.name)}<//>${live.lost && html`<div class="lost" role="alert">${t("lost")}</div>`}<main class="phone">
      <div class="band ${one.level}">${SHAPES[one.level]} ${ROMAN[one.level]} ${t(`level.${one.level}`)} ${named(one.name)} <${Drill} status=${one.message?.status} /></div>
      <h1>${headline(one)}</h1><p>${one.message?.texts[language].description}</p>${open && html`<p class="note instruction">${one.message?.texts[language].instruction}</p>`}<p><${Standing} one=${one} /></p>
      <p><a href=${`/warnings/${path(one.thread)}/${one.episode}`}>${t("phone.more")}</a></p>
      ${wrong && html`<p class="note bad" role="alert">${wrong}</p>`}
      <button type="button" onClick=${() => setPicked(null)}>← ${t("phone.back")}</button></main>
      ${open && me.deeds.includes("answer") && (mine ? html`<div class="thumb done" role="status">✓ ${t("phone.done")}</div>` : html`<div class="thumb"><button type="button" class="danger" onClick=${send} disabled=${busy}>${t("phone.ack")}</button></div>`)}`;
  }
  return html`<${Top}>${named(live.district.name)}<//>${live.lost && html`<div class="lost" role="alert">${t("lost")}</div>`}<main class="phone">
    <h1 class="unseen">${t("overview.open")}</h1>
    ${live.cases.map((each) => html`<button type="button" class="case ${["over", "overdue"].includes(each.state) ? "" : each.level}" key=${each.ref} onClick=${() => setPicked(each.ref)}><span class="row"><${Badge} level=${each.level} /><${Drill} status=${each.message?.status} /><strong>${named(each.name)}</strong><span class="grow"></span><span class="muted small">${ago(nowMs() - each.opened_ms)}</span></span><span>${headline(each)}</span><span class="small"><${Standing} one=${each} /></span></button>`)}
    ${live.cases.length === 0 && html`<p class="empty">${t("overview.none")}</p>`}</main>`;
}
