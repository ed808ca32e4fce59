// The rules: a form and the text of the same file, mistakes at their place, a trial on the past, two people, history.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { ask, path, post } from "../api.js";
import { clock, day, figure, language, maybe, moment, named, t, unit } from "../words.js";
import { live, nowMs } from "../live.js";
import { need } from "../need.js";
import { TIMES, districtDate } from "../plot.js";
import { Act, Ask, Badge, LEVELS, Loading, SHAPES, rank, useAsked } from "../parts.js";

const CHECK_AFTER_MS = 350;

export default function Rules({ me }) {
  const found = useAsked(() => ask("rules"), []);
  const may = (deed) => me.deeds.includes(deed);
  if (!found.value) return html`<${Loading} of=${found} />`;
  return html`<div class="stack"><div class="row"><h1>${t("page.rules")}</h1><span class="grow"></span><span class="muted small">${t("rules.name")} <span class="mono">${found.value.fingerprint}</span></span></div>
    ${found.value.drafts.map((draft) => html`<${Waiting} key=${draft.name} draft=${draft} me=${me} again=${found.again} />`)}
    <${Editor} key=${found.value.base} rules=${found.value} may=${may} again=${found.again} />
    <${History} versions=${found.value.versions} may=${may} again=${found.again} /></div>`;
}

function Editor({ rules, may, again }) {
  const [text, setText] = useState(rules.text);
  const [state, setState] = useState({ findings: rules.findings, data: rules.data });
  const [trial, setTrial] = useState(null);
  const [dialog, setDialog] = useState(false);
  const [days, setDays] = useState(30);
  const [wrong, setWrong] = useState("");
  const turn = useRef(0);
  const changed = text !== rules.text;
  const check = (next) => {
    setText(next);
    setTrial(null);
    const mine = ++turn.current;
    setTimeout(() => { if (mine === turn.current) post("rules/check", { text: next }).then((answer) => { if (mine === turn.current) setState((before) => ({ findings: answer.findings, data: answer.data ?? before.data })); }, (error) => setWrong(error.message)); }, CHECK_AFTER_MS);
  };
  const edit = async (edits) => {
    turn.current += 1;
    setTrial(null);
    setWrong("");
    try { const answer = await post("rules/form", { text, edits }); setText(answer.text); setState({ findings: answer.findings, data: answer.data }); } catch (error) { setWrong(error.message); }
  };
  return html`<section class="panel"><header><h2>${may("draft") ? t("rules.edit") : t("rules.read")}</h2>
      <div class="row">${changed && html`<span class="badge yellow">${t("rules.changed")}</span>`}${state.findings.length > 0 ? html`<span class="waiting">${t("rules.mistakes", { n: state.findings.length })}</span>` : html`<span class="answered">✓ ${t("rules.sound")}</span>`}</div></header>
    ${wrong && html`<p class="note bad" role="alert">${wrong}</p>`}
    <div class="editor"><${Form} data=${state.data} edit=${edit} locked=${!may("draft")} before=${rules.data} />
      <div class="stack"><${Code} text=${text} findings=${state.findings} onText=${check} locked=${!may("draft")} />
        <div aria-live="polite" class="stack">${state.findings.slice(0, 8).map((one) => html`<${Finding} key=${`${one.line}.${one.column}.${one.code}`} one=${one} />`)}</div></div></div>
    ${may("draft") && html`<div class="row actions">
      <label class="row">${t("rules.days")}<select value=${days} onChange=${(event) => setDays(Number(event.target.value))} style=${{ width: "auto" }}>${[1, 7, 30, 90, 365].map((n) => html`<option value=${n}>${t("span.days", { n })}</option>`)}</select></label>
      <${Act} act=${() => post("rules/backtest", { text, days })} disabled=${!changed || state.findings.length > 0} onDone=${setTrial}>${t("rules.try")}<//>
      <button type="button" class="primary" disabled=${!changed || state.findings.length > 0} onClick=${() => setDialog(true)}>${t("rules.propose")}</button>
      <button type="button" class="plain" disabled=${!changed} onClick=${() => { setText(rules.text); setState({ findings: rules.findings, data: rules.data }); setTrial(null); }}>${t("rules.discard")}</button></div>`}
    ${trial && html`<${Trial} trial=${trial} />`}
    ${dialog && html`<${Ask} title=${t("rules.propose")} word=${t("rules.propose.go")} onClose=${() => setDialog(false)} go=${async ({ why }) => { await post("rules/drafts", { text, why, base: rules.base }); again(); }}>
      <p class="muted">${t("rules.propose.what")}</p>${!trial && html`<p class="note">${t("rules.untried")}</p>`}<label>${t("rules.why")}<input name="why" required maxlength="500" /></label><//>`}
  </section>`;
}

function Code({ text, findings, onText, locked }) {
  const lines = text.split("\n");
  const bad = new Map(findings.map((one) => [one.line, one]));
  const area = useRef(null);
  const longest = Math.max(...lines.map((line) => [...line].reduce((sum, sign) => sum + (sign.charCodeAt(0) > 0x2e80 ? 2 : 1), 0)));
  useEffect(() => { Object.assign(area.current.style, { height: `${lines.length * 20 + 20}px`, minWidth: `${longest * 8 + 24}px` }); }, [lines.length, longest]);
  return html`<div class="code"><ol aria-hidden="true">${lines.map((_, index) => html`<li class=${bad.has(index + 1) ? "bad" : ""} title=${bad.get(index + 1)?.[language] ?? ""}>${index + 1}</li>`)}</ol>
    <textarea id="rules-text" ref=${area} value=${text} onInput=${(event) => onText(event.target.value)} readOnly=${locked} spellcheck=${false} autocapitalize="off" wrap="off" aria-label=${t("rules.text")}></textarea></div>`;
}
function show(line, column, width) {
  const area = document.getElementById("rules-text");
  const before = area.value.split("\n").slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  area.focus({ preventScroll: true });
  area.setSelectionRange(before + column - 1, before + column - 1 + width);
  area.closest(".code").scrollTo({ top: (line - 6) * 20, behavior: "smooth" });
}
// Scrolls the text to a rule.
function reveal(id) {
  const area = document.getElementById("rules-text");
  const line = area.value.split("\n").findIndex((each) => new RegExp(`\\bid: *${id}\\b`).test(each));
  if (line >= 0) area.closest(".code").scrollTo({ top: (line - 1) * 20, behavior: "smooth" });
}
const Finding = ({ one }) => html`<button type="button" class="finding" onClick=${() => show(one.line, one.column, one.width)}><strong class="num">${t("rules.line", { line: one.line })}</strong> <span class="mono">${one.key}</span><br />${one[language]}<br /><span class="muted">→ ${one.fix[language]}${one.suggestion ? ` · ${t("rules.meant", { word: one.suggestion })}` : ""}</span></button>`;

// The form: each rule's ladders, for everywhere, for a season, for a place.
function Form({ data, edit, locked, before }) {
  const rules = Array.isArray(data?.rules) ? data.rules : [];
  const wanted = decodeURIComponent(location.hash.slice(1));
  const [open, setOpen] = useState(wanted || rules.find((rule) => rule?.levels || rule?.override)?.id);
  const seasons = Object.keys(data?.seasons ?? {});
  return html`<div class="stack form-side">${rules.map((rule, index) => rule && typeof rule === "object" && html`<details key=${rule.id} open=${open === rule.id} onToggle=${(event) => { if (event.target.open) { setOpen(rule.id); reveal(rule.id); } }}>
    <summary>${named(rule.name) || rule.id} <span class="mono muted">${rule.id}</span> <span class="muted small">${named(live.district.hazards[rule.hazard]) || ""}</span></summary>
    <div class="stack">${ladders(rule, seasons).map(({ title, steps, ladder }) => html`<${Ladder} key=${steps.join(".")} title=${title} path=${["rules", index, ...steps]} ladder=${ladder} edit=${edit} locked=${locked} before=${dig(before?.rules?.find((one) => one?.id === rule.id), steps)} />`)}
      ${ladders(rule, seasons).length === 0 && html`<p class="muted small">${t("rules.text-only")}</p>`}</div></details>`)}</div>`;
}
const dig = (node, steps) => steps.reduce((each, step) => each?.[step], node);
const isLadder = (one) => one && typeof one === "object" && LEVELS.some((level) => one[level]);
function ladders(rule, seasons) {
  const found = [];
  const during = (node, steps, place) => Object.entries(node?.during ?? {}).forEach(([season, ladder]) => found.push({ title: [place, t("rules.during", { season })].filter(Boolean).join(" · "), steps: [...steps, "during", season], ladder }));
  if (isLadder(rule.levels)) found.push({ title: t("rules.everywhere"), steps: ["levels"], ladder: rule.levels });
  during(rule, [], "");
  for (const [key, over] of Object.entries(rule.override ?? {})) {
    const site = live.district.sites.find((one) => one.id === key);
    const device = live.district.devices.find((one) => one.id === key);
    const place = named(site?.name ?? device?.name) || maybe(`kind.${key}`, key);
    if (over?.levels) found.push({ title: place, steps: ["override", key, "levels"], ladder: over.levels });
    during(over, ["override", key], place);
    for (const season of seasons) if (over?.levels && !over?.during?.[season]) found.push({ title: `${place} · ${t("rules.during", { season })}`, steps: ["override", key, "during", season], ladder: {} });
  }
  return found;
}
function Ladder({ title, path: steps, ladder, edit, locked, before }) {
  const season = steps.includes("during");
  const side = Object.values(ladder).find((one) => one?.below !== undefined) ? "below" : "above";
  const fields = season ? [side, "clear"] : [side, "clear", "for"];
  const set = (level, field, value) => { if (String(ladder[level]?.[field] ?? "") !== value) edit([{ path: [...steps, level, field], value: value === "" ? null : value }]); };
  return html`<fieldset class="limits"><legend>${title}</legend><table><thead><tr><th>${t("why.level")}</th>${fields.map((field) => html`<th>${t(`rules.${field}`)}</th>`)}</tr></thead><tbody>
    ${LEVELS.map((level) => html`<tr key=${level}><td><${Badge} level=${level} /></td>${fields.map((field) => { const value = ladder[level]?.[field]; const was = before?.[level]?.[field]; const differs = String(value ?? "") !== String(was ?? ""); return html`<td class=${differs ? "changed" : ""}><input value=${value ?? ""} disabled=${locked} aria-label=${`${title} ${t(`level.${level}`)} ${t(`rules.${field}`)}`} inputmode=${field === "for" ? "text" : "decimal"} placeholder="–" onChange=${(event) => set(level, field, event.target.value.trim())} onKeyDown=${(event) => event.key === "Enter" && event.target.blur()} />${differs && html`<span class="small muted">${t("rules.was", { value: was ?? "–" })}</span>`}</td>`; })}</tr>`)}</tbody></table></fieldset>`;
}

// What the draft would have said of the past, beside what is in force.
function Trial({ trial }) {
  const sides = [["old", trial.old], ["new", trial.new]];
  return html`<div class="stack"><h2>${t("trial.title")}</h2><p class="muted">${t("trial.of", { readings: trial.readings, from: `${day(trial.from_ms)} ${clock(trial.from_ms, false)}`, to: `${day(trial.to_ms)} ${clock(trial.to_ms, false)}`, seconds: trial.seconds })}</p>
    <div class="scroll"><table><thead><tr><th></th>${LEVELS.map((level) => html`<th><${Badge} level=${level} /></th>`)}<th>${t("trial.changes")}</th><th>${t("trial.messages")}</th><th>${t("trial.people")}</th></tr></thead><tbody>${sides.map(([name, side]) => html`<tr><td class="nowrap"><strong>${t(`trial.${name}`)}</strong></td>${LEVELS.map((level) => html`<td class="num">${side.raised[level]}</td>`)}<td class="num">${side.transitions}</td><td class="num">${side.messages}</td><td class="small">${Object.entries(side.people).map(([person, n]) => `${named(trial.names[person]) || person} × ${n}`).join(", ") || "–"}</td></tr>`)}</tbody></table></div>
    ${trial.differences.length === 0 ? html`<p class="note good">${t("trial.same")}</p>` : html`<div class="scroll"><table><thead><tr><th>${t("why.rule")}</th><th>${t("why.subject")}</th><th>${t("trial.fired")}</th><th>${t("trial.gone")}</th><th>${t("trial.earlier")}</th><th>${t("trial.flaps")}</th><th>${t("trial.minutes")}</th></tr></thead><tbody>${trial.differences.map((one) => html`<tr><td class="mono">${one.rule}</td><td class="mono">${one.subject}</td><td class="num">${one.fired}</td><td class="num">${one.gone}</td><td class="num">${one.earlier_minutes === null ? "–" : figure(one.earlier_minutes)}</td><td class="num">${one.flaps[0]} → ${one.flaps[1]}</td><td class="small">${one.minutes.map((side, index) => html`<div>${t(`trial.${index ? "new" : "old"}`)}: ${Object.entries(side).map(([level, n]) => `${maybe(`level.${level}`, level)} ${figure(n)}`).join(", ") || "–"}</div>`)}</td></tr>`)}</tbody></table></div>`}
    ${trial.plots.map((plot) => html`<${Past} key=${plot.rule + plot.subject} plot=${plot} trial=${trial} />`)}</div>`;
}
function Past({ plot, trial }) {
  const place = useRef(null);
  useEffect(() => {
    let chart = null;
    let ended = false;
    need("uplot-1.6.32").then(() => {
      if (ended || plot.at.length === 0) return;
      const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
      const axis = { stroke: css("--muted"), grid: { stroke: css("--line"), width: 1 } };
      const limits = ["old", "new"].flatMap((side) => Object.entries(plot[side].limits).map(([level, limit]) => ({ side, level, limit })));
      const values = plot.values.concat(limits.map((one) => one.limit));
      const low = Math.min(...values);
      const high = Math.max(...values);
      const pad = Math.max((high - low) * 0.06, 0.001);
      const lines = (u) => limits.forEach(({ side, level, limit }) => {
        const y = u.valToPos(limit, "y", true);
        u.ctx.save();
        u.ctx.strokeStyle = css(`--${level}`);
        u.ctx.lineWidth = 2 * devicePixelRatio;
        u.ctx.setLineDash(side === "old" ? [3, 5] : [10, 4]);
        u.ctx.globalAlpha = side === "old" ? 0.6 : 1;
        u.ctx.beginPath();
        u.ctx.moveTo(u.bbox.left, y);
        u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
        u.ctx.stroke();
        u.ctx.restore();
      });
      chart = new window.uPlot({ width: place.current.clientWidth, height: 220, tzDate: districtDate, legend: { show: false }, scales: { x: { time: true }, y: { range: [low - pad, high + pad] } }, axes: [{ ...axis, values: TIMES }, { ...axis, size: 58, values: (_, ticks) => ticks.map(figure) }], series: [{}, { stroke: css("--accent"), width: 2 }], hooks: { draw: [lines] } }, [plot.at.map((ms) => ms / 1000), plot.values], place.current);
    });
    return () => { ended = true; chart?.destroy(); };
  }, [plot]);
  const from = plot.at[0] ?? trial.from_ms;
  const width = (plot.at.at(-1) ?? trial.to_ms) - from;
  const strip = (side) => html`<span class="small">${t(`trial.${side}`)}</span><div class="bar">${plot[side].levels.map(([at, level], index) => level !== "normal" && html`<span class=${level} style=${{ left: `${(100 * (at - from)) / width}%`, width: `${(100 * ((plot[side].levels[index + 1]?.[0] ?? from + width) - at)) / width}%` }} title=${`${day(at)} ${clock(at)} ${t(`level.${level}`)}`}>${SHAPES[level]}</span>`)}</div>`;
  return html`<div><h3 class="mono">${plot.rule} · ${plot.subject}${unit(plot.unit) ? ` (${unit(plot.unit)})` : ""}</h3><div class="plot" ref=${place}></div><div class="timeline strips">${strip("old")}${strip("new")}</div><p class="muted small">${t("trial.lines")}</p></div>`;
}

const Difference = ({ lines }) => html`<pre class="diff" tabindex="0">${lines.map((line) => html`<div class=${line.startsWith("+") ? "add" : line.startsWith("-") ? "del" : ""}>${line || " "}</div>`)}</pre>`;
function Waiting({ draft, me, again }) {
  const found = useAsked(() => ask(`rules/drafts/${path(draft.name)}`), [draft.name, draft.state]);
  const own = draft.author === me.name;
  return html`<section class="panel"><header><h2>${t("draft.title", { who: draft.author, at: moment(draft.made_ms, nowMs()) })}</h2><span class="badge ${draft.state === "approved" ? "blue" : "yellow"}">${t(`draft.${draft.state}`, { who: draft.approved_by })}</span></header><p class="lead">${draft.why}</p>
    ${found.value && html`<${Difference} lines=${found.value.difference} />`}
    <div class="row">${me.deeds.includes("approve") && draft.state === "open" && !own && html`<${Act} kind="primary" act=${() => post(`rules/drafts/${path(draft.name)}/approve`)} onDone=${again}>${t("draft.approve")}<//>`}
      ${me.deeds.includes("draft") && draft.state === "approved" && html`<${Act} kind="primary" act=${() => post(`rules/drafts/${path(draft.name)}/apply`)} onDone=${again}>${t("draft.apply")}<//>`}
      ${me.deeds.includes("draft") && html`<${Act} kind="plain" act=${() => post(`rules/drafts/${path(draft.name)}/withdraw`)} onDone=${again}>${t("draft.withdraw")}<//>`}
      ${draft.state === "open" && own && html`<span class="muted">${t("draft.another")}</span>`}</div></section>`;
}
function History({ versions, may, again }) {
  const [shown, setShown] = useState(null);
  if (versions.length === 0) return html`<p class="muted">${t("history.none")}</p>`;
  const look = (number) => ask(`rules/versions/${number}`).then(setShown);
  return html`<section class="panel"><header><h2>${t("history.title")}</h2></header><div class="scroll"><table><thead><tr><th>#</th><th>${t("why.at")}</th><th>${t("rules.why")}</th><th>${t("history.author")}</th><th>${t("history.approved")}</th><th></th></tr></thead><tbody>${versions.map((one, index) => html`<tr key=${one.number}><td class="num">${one.number}${index === 0 ? html` <span class="badge blue">${t("history.now")}</span>` : ""}</td><td class="num nowrap">${day(one.at_ms)} ${clock(one.at_ms)}</td><td>${one.why || t("history.first")}</td><td class="mono">${one.author}</td><td class="mono">${one.approved_by}</td><td><div class="row">${index > 0 && html`<button type="button" class="small" onClick=${() => look(one.number)}>${t("history.compare")}</button>`}${index > 0 && may("approve") && html`<${Act} kind="small danger" confirm=${t("history.sure", { n: one.number })} act=${() => post(`rules/versions/${one.number}/restore`)} onDone=${again}>${t("history.restore")}<//>`}</div></td></tr>`)}</tbody></table></div>
    ${shown && html`<h3>${t("history.difference", { n: shown.number })}</h3><${Difference} lines=${shown.difference} />`}</section>`;
}
export { rank };
