// Small parts that pages share: levels, dialogs, buttons that ask the server.
import { html, useEffect, useRef, useState } from "./vendor/htm-preact-3.1.1.js";
import { language, moment, named, span, t } from "./words.js";
import { nowMs } from "./live.js";

export const LEVELS = ["blue", "yellow", "orange", "red"];
export const SHAPES = { blue: "●", yellow: "▲", orange: "◆", red: "■", normal: "○", offline: "▨" };
export const ROMAN = { blue: "Ⅳ", yellow: "Ⅲ", orange: "Ⅱ", red: "Ⅰ", normal: "", offline: "" };
export const rank = (level) => LEVELS.indexOf(level) + 1;

export const Badge = ({ level, short }) => html`<span class="badge ${level}"><span class="shape" aria-hidden="true">${SHAPES[level]}</span>${ROMAN[level]}${short ? "" : html`<span>${t(`level.${level}`)}</span>`}</span>`;
export const Drill = ({ status }) => (status === "Exercise" ? html`<span class="badge drill">${t("drill.mark")}</span>` : null);

export function say(text) {
  const place = document.getElementById("say");
  place.textContent = "";
  requestAnimationFrame(() => { place.textContent = text; });
}

// A button that asks the server, says that it does, and shows what was refused.
export function Act({ act, children, kind = "", confirm, disabled, onDone, title }) {
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const run = async () => {
    if (confirm && !window.confirm(confirm)) return;
    setBusy(true);
    setWrong("");
    try { const answer = await act(); onDone?.(answer); } catch (error) { setWrong(error.message); }
    setBusy(false);
  };
  return html`<button type="button" class=${kind} disabled=${busy || disabled} onClick=${run} title=${title} aria-busy=${busy}>${children}</button>${wrong && html`<span class="note bad" role="alert">${wrong}</span>`}`;
}

// A form in a dialog; Escape closes it, the first field has the focus.
export function Ask({ title, children, go, onClose, word, kind = "primary" }) {
  const place = useRef(null);
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => { place.current.showModal(); place.current.querySelector("input, textarea, select")?.focus(); }, []);
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    try { await go(Object.fromEntries(new FormData(event.target))); onClose(); } catch (error) { setWrong(error.message); setBusy(false); }
  };
  return html`<dialog ref=${place} onClose=${onClose} aria-label=${title}><form onSubmit=${send}>
    <h2>${title}</h2>${children}
    ${wrong && html`<p class="note bad" role="alert">${wrong}</p>`}
    <div class="row"><button type="button" onClick=${() => place.current.close()}>${t("cancel")}</button><button class=${kind} disabled=${busy}>${word}</button></div>
  </form></dialog>`;
}

export function useAsked(load, inputs) {
  const [found, setFound] = useState({ value: null, wrong: "", loading: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let wanted = true;
    load().then((value) => wanted && setFound({ value, wrong: "", loading: false }), (error) => wanted && setFound((before) => ({ ...before, wrong: error.message, loading: false })));
    return () => { wanted = false; };
  }, [...inputs, turn]);
  return { ...found, again: () => setTurn((n) => n + 1) };
}
export const Loading = ({ of }) => (of.wrong ? html`<p class="note bad" role="alert">${of.wrong}</p>` : of.loading ? html`<p class="empty">${t("loading")}</p>` : null);

// Who answered, or who is called next and when.
export function Standing({ one }) {
  const now = nowMs();
  if (one.state === "over" || one.state === "overdue") return html`<span class=${one.state === "overdue" ? "waiting" : "muted"}>${t(`case.${one.state}`)}</span>`;
  const last = one.answers.at(-1);
  const answered = last && html`<span class="answered">✓ ${t("case.answered-by", { who: named(last.name), at: moment(last.at_ms, now) })}</span>`;
  if (one.state === "answered") return answered;
  const next = one.due_ms !== null && html`<span class="muted">${t("case.next-call", { span: span(one.due_ms - now) })}</span>`;
  if (answered) return html`${answered} ${next}`;
  return html`<span class="waiting">${t("case.nobody")}</span> ${next}`;
}
export const headline = (one) => one.message?.texts[language]?.headline ?? named(one.name);
