// One warning: what happened, the plot with its limits, why, who was told, what people answered, the ledger.
import { html, useState } from "../vendor/htm-preact-3.1.1.js";
import { ask, newRequest, path, post } from "../api.js";
import { ago, clock, figure, language, maybe, moment, list, named, quantity, span, t, unit } from "../words.js";
import { area, live, nowMs, useClock, useLive, useNews } from "../live.js";
import { Act, Ask, Badge, Drill, Loading, Standing, useAsked } from "../parts.js";
import { Series } from "../plot.js";
import { Shelve } from "./overview.js";

export default function Story({ me, steps: [thread, episode] }) {
  useLive();
  useClock(5000);
  const found = useAsked(() => ask(`stories/${path(thread, episode)}`), [thread, episode]);
  useNews((entry) => { if (entry.thread === thread) found.again(); }, [thread]);
  const [dialog, setDialog] = useState("");
  const [hours, setHours] = useState(12);
  const story = found.value;
  if (!story) return html`<${Loading} of=${found} />`;
  const now = nowMs();
  const one = live.cases.find((each) => each.ref === `${thread}.${episode}`) ?? story.case;
  const told = story.messages.filter((message) => message.kind !== "notice");
  const newest = told.at(-1) ?? story.messages.at(-1);
  const texts = newest?.texts[language];
  const open = one && !["over", "overdue"].includes(one.state);
  const may = (deed) => one && me.deeds.includes(deed);
  const level = one ? (open ? one.level : "normal") : "normal";
  return html`<div class="story">
    <section class="panel head ${level}">
      <div class="row"><${Badge} level=${level} /><${Drill} status=${newest?.status} /><span class="muted">${named(live.district.hazards[story.hazard])}</span>${story.episodes > 1 && html`<span class="muted small">${t("story.episode", { n: story.episode, of: story.episodes })}</span>`}</div>
      <h1>${texts?.headline ?? named(story.name)}</h1>
      <p class="lead">${texts?.description}</p>
      ${open && html`<p class="note instruction">${texts?.instruction}</p>`}
      <dl class="facts">
        <div><dt>${t("story.place")}</dt><dd>${story.sites.map((id) => html`<a href=${`/sites/${id}`}>${named(live.district.sites.find((each) => each.id === id)?.name) || id}</a> `)}</dd></div>
        <div><dt>${t("story.since")}</dt><dd class="num">${moment(story.messages[0]?.at_ms ?? now, now)}</dd></div>
        <div><dt>${t("story.state")}</dt><dd>${one ? html`<${Standing} one=${one} />` : html`<span class="muted">${t("case.closed")}</span>`}</dd></div>
        ${one && html`<div><dt>${t("story.code")}</dt><dd class="num">${one.code}</dd></div>`}
      </dl>
      ${story.closing && html`<p class="note good">${t("story.closed", { who: story.closing.person, at: moment(story.closing.at_ms, now) })} ${story.closing.done}</p>`}
      ${one && html`<div class="row actions">
        ${may("answer") && open && html`<${Act} kind="primary" act=${() => post(`cases/${path(one.ref)}/ack`, { request: newRequest() })} onDone=${found.again}>${t("case.ack")}<//>`}
        ${may("answer") && html`<button type="button" onClick=${() => setDialog("note")}>${t("case.note")}</button>`}
        ${may("close") && open && one.due_ms !== null && html`<${Act} act=${() => post(`cases/${path(one.ref)}/escalate`, { request: newRequest() })} confirm=${t("case.escalate.sure")} onDone=${found.again}>${t("case.escalate")}<//>`}
        ${may("close") && html`<button type="button" onClick=${() => setDialog("close")}>${t("case.close")}</button>`}
        ${may("shelve") && open && one.level !== "red" && html`<button type="button" class="plain" onClick=${() => setDialog("shelve")}>${t("case.shelve")}</button>`}
      </div>`}
    </section>
    <div class="stack">
      <section class="panel"><header><h2>${t("story.plot")}</h2><${Hours} hours=${hours} onPick=${setHours} /></header>
        ${story.plots.map((plot) => html`<div key=${plot.device + plot.point}><h3>${named(plot.name)} · ${maybe(`point.${plot.point}`, plot.point)}${unit(plot.unit) ? ` (${unit(plot.unit)})` : ""}</h3><${Series} plot=${plot} hours=${hours} mark=${story.changes.map((change) => change.at_ms)} /></div>`)}
        ${story.plots.length === 0 && html`<p class="empty">${t("plot.none")}</p>`}
      </section>
      <${Why} story=${story} now=${now} />
      <section class="panel"><header><h2>${t("story.messages")}</h2></header>${[...story.messages].reverse().map((message, index) => html`<${Message} key=${message.identifier} message=${message} now=${now} first=${index === 0} />`)}</section>
    </div>
    <div class="stack">
      <${Told} story=${story} newest=${newest} now=${now} />
      <section class="panel"><header><h2>${t("story.ledger")}</h2></header><ol class="log">${[...story.entries].reverse().map((entry) => html`<li key=${entry.seq}><time title=${`#${entry.seq}`}>${moment(entry.at_ms, now)}</time><span>${describe(entry, story)}</span></li>`)}</ol></section>
    </div>
    ${dialog === "close" && html`<${Ask} title=${t("close.title")} word=${t("case.close")} onClose=${() => setDialog("")} go=${({ done }) => post(`cases/${path(one.ref)}/close`, { done, request: newRequest() }).then(found.again)}>
      ${open && html`<p class="note bad">${t("close.still")}</p>`}<label>${t("close.done")}<textarea name="done" required maxlength="2000"></textarea></label><//>`}
    ${dialog === "note" && html`<${Ask} title=${t("note.title")} word=${t("note.go")} onClose=${() => setDialog("")} go=${({ note }) => post(`cases/${path(one.ref)}/comment`, { note, request: newRequest() }).then(found.again)}>
      <p class="muted">${t("note.what")}</p><label>${t("note.label")}<textarea name="note" required maxlength="500"></textarea></label><//>`}
    ${dialog === "shelve" && html`<${Shelve} one=${one} onClose=${() => { setDialog(""); found.again(); }} />`}
  </div>`;
}
export const Hours = ({ hours, onPick }) => html`<div class="row">${[3, 12, 24, 168].map((n) => html`<button type="button" class="small ${n === hours ? "primary" : "plain"}" aria-pressed=${n === hours} onClick=${() => onPick(n)}>${n === 168 ? t("span.days", { n: 7 }) : t("span.hours.short", { n })}</button>`)}</div>`;

function Why({ story, now }) {
  const newest = new Map();
  for (const change of story.changes) newest.set(`${change.rule}|${change.subject}`, change);
  const rows = [...newest.values()].sort((a, b) => b.at_ms - a.at_ms);
  return html`<section class="panel"><header><h2>${t("story.why")}</h2></header><div class="scroll"><table><thead><tr><th>${t("why.rule")}</th><th>${t("why.subject")}</th><th>${t("why.level")}</th><th>${t("why.value")}</th><th>${t("why.limit")}</th><th>${t("why.at")}</th><th>${t("why.quality")}</th></tr></thead>
    <tbody>${rows.map((change) => html`<tr key=${change.seq}><td><a href=${`/rules#${change.rule}`}>${named(change.rule_name)}</a></td><td class="mono">${change.subject}</td><td><${Badge} level=${change.to} /></td><td class="num nowrap">${quantity(change.value, change.unit ?? "")}</td><td class="num nowrap">${figure(change.limit)}</td><td class="num nowrap">${moment(change.at_ms, now)}</td><td>${change.uncertain ? t("quality.uncertain") : change.blind ? t("quality.blind") : t("quality.good")}</td></tr>`)}</tbody></table></div></section>`;
}

function Message({ message, now, first }) {
  const texts = message.texts[language];
  return html`<details open=${first}><summary><span class="num muted">${moment(message.at_ms, now)}</span> <${Badge} level=${message.level} short /> ${maybe(`message.${message.kind}`, message.kind)}</summary>
    <div class="stack"><p><strong>${texts.headline}</strong></p><p>${texts.description}</p><p>${texts.instruction}</p>
    <p class="muted small">${list(texts.areas)} · ${t("message.until", { at: moment(Date.parse(texts.expires), now) })}</p>
    <p class="small"><a href=${`/api/v1/messages/${path(message.identifier)}/cap.xml`} target="_blank" rel="noopener">CAP 1.2 XML</a> <span class="mono muted">${message.identifier}</span></p></div></details>`;
}

function Told({ story, newest, now }) {
  const people = new Map();
  for (const message of story.messages) for (const one of message.recipients) people.set(one.person, { ...people.get(one.person), ...one, receipts: [...(people.get(one.person)?.receipts ?? []), ...one.receipts] });
  const answers = new Map((story.case?.answers ?? []).map((answer) => [answer.person, answer]));
  const rows = [...people.values()];
  const reached = newest ? newest.recipients.filter((one) => one.receipts.some((receipt) => ["sent", "delivered"].includes(receipt.state))).length : 0;
  return html`<section class="panel"><header><h2>${t("story.told")}</h2>${newest && html`<span class="muted">${t("told.reached", { n: reached, of: newest.recipients.length })}</span>`}</header>
    ${newest?.widened.length > 0 && html`<p class="note">${t("told.widened", { areas: list(newest.widened.map((id) => named(area(id)?.name))) })}</p>`}
    <div class="scroll"><table><thead><tr><th>${t("told.who")}</th><th>${t("told.channel")}</th><th>${t("told.receipt")}</th><th>${t("told.answer")}</th></tr></thead><tbody>
    ${rows.map((one) => { const last = one.receipts.at(-1); const answer = answers.get(one.person); return html`<tr key=${one.person}><td><strong>${named(one.name)}</strong><br /><span class="muted small">${[maybe(`duty.${one.role}`, one.role), named(area(one.area)?.name)].filter(Boolean).join(" · ")}</span></td>
      <td class="small">${last ? maybe(`channel.${last.channel}`, last.channel) : (one.via ?? []).map((name) => maybe(`channel.${name}`, name)).join(" › ")}</td>
      <td>${last ? html`<span class="receipt ${last.state}">${maybe(`receipt.${last.state}`, last.state)}</span><br /><span class="muted small num">${clock(last.at_ms)}</span>${last.reason && !["delivered", "sent"].includes(last.state) ? html`<br /><span class="small muted">${last.reason}</span>` : ""}` : html`<span class="muted">${t("receipt.queued")}</span>`}</td>
      <td>${answer ? html`<span class="answered">✓ <span class="num">${clock(answer.at_ms)}</span></span>${answer.note && html`<br /><span class="small">${answer.note}</span>`}` : html`<span class="muted">–</span>`}</td></tr>`; })}</tbody></table></div></section>`;
}

// One entry of the ledger in words.
export function describe(entry, story) {
  const { kind, body } = entry;
  if (kind === "transition") {
    const { rule, subject, before, to, value, unit: of } = body.transition;
    const words = ["normal", "blue", "yellow", "orange", "red"];
    return html`${t("entry.transition", { rule: named(story?.changes.find((change) => change.seq === entry.seq)?.rule_name) || rule, subject, before: t(`level.${words[before]}`), to: t(`level.${words[to]}`), value: quantity(value, of ?? "") })}`;
  }
  if (kind === "warning") return html`<strong>${maybe(`message.${body.kind}`, body.kind)}</strong> ${t("entry.warning", { level: maybe(`level.${body.level}`, body.level), n: body.recipients?.length ?? 0 })}`;
  if (kind === "receipt") return t("entry.receipt", { who: body.person, channel: maybe(`channel.${body.channel}`, body.channel), state: maybe(`receipt.${body.state}`, body.state), reason: body.reason });
  if (kind === "case") {
    const people = list((body.recipients ?? []).map((one) => one.person));
    return t(`entry.case.${known(body.what)}`, { what: body.what, who: body.person ?? "", by: maybe(`by.${body.by}`, body.by ?? ""), note: body.note ?? "", done: body.done ?? "", people, code: body.code ?? "", call: body.call ?? "", area: named(area(body.area)?.name) });
  }
  if (kind === "shelf") return t("entry.shelf", { what: maybe(`shelf.${body.what}`, body.what), who: body.person ?? "", reason: body.reason ?? "" });
  return html`<span class="mono small">${kind} ${JSON.stringify(body)}</span>`;
}
const CASE = ["opened", "answered", "escalated", "hurried", "noted", "overdue", "unanswered", "closed"];
const known = (what) => (CASE.includes(what) ? what : "other");
export { ago, span };
