// The wall: readable from five metres; the worst alarm takes the screen, with sound, until somebody answers.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { post, setCsrf } from "../api.js";
import { ago, clock, day, language, named, span, speak, t } from "../words.js";
import { live, nowMs, useClock, useLive } from "../live.js";
import { District, Legend } from "../map.js";
import { Badge, Drill, ROMAN, SHAPES, Standing, headline, rank, say } from "../parts.js";
import { sound, unlock, unlocked } from "../sound.js";

const ROTATE_MS = 12000;
const LOUD = 2; // from yellow on an alarm takes the screen
const REPEAT_MS = 6000;
const ON_A_PAGE = 4;

export default function Wall({ me, onEnter }) {
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    if (me) return;
    const word = location.hash.slice(1);
    history.replaceState(null, "", "/wall");
    post("session/wall", { word }).then((who) => { setCsrf(who.csrf); return onEnter(who); }).catch((error) => setWrong(error.message));
  }, []);
  if (!me) return html`<div class="gate"><div class="panel"><h1>${t("page.wall")}</h1>${wrong ? html`<p class="note bad">${wrong}</p><p>${t("wall.how")}</p>` : html`<p>${t("loading")}</p>`}</div></div>`;
  return html`<${Board} />`;
}

function Board() {
  useLive();
  const now = useClock(1000);
  const [, turn] = useState(0);
  const [page, setPage] = useState(0);
  const open = live.cases.filter((one) => !["over", "overdue"].includes(one.state));
  const waiting = open.filter((one) => one.rank >= LOUD && one.answers.length === 0).sort((a, b) => b.rank - a.rank || b.opened_ms - a.opened_ms);
  const worst = waiting[0];
  const pages = Math.max(1, Math.ceil(live.cases.length / ON_A_PAGE));
  useEffect(() => { const timer = setInterval(() => setPage((n) => n + 1), ROTATE_MS); return () => clearInterval(timer); }, []);
  const voice = useRef(null);
  useEffect(() => {
    clearInterval(voice.current);
    if (!worst) return undefined;
    say(headline(worst));
    sound(worst.level);
    voice.current = setInterval(() => sound(worst.level), REPEAT_MS);
    return () => clearInterval(voice.current);
  }, [worst?.ref, worst?.level]);
  const heard = live.now ? Math.max(...Object.values(live.now.sites).map((site) => site[1] ?? 0)) : 0;
  const counts = ["red", "orange", "yellow", "blue"].map((level) => [level, open.filter((one) => one.level === level).length]);
  const silent = live.now ? Object.values(live.now.sites).filter(([, , quiet, of]) => of && quiet === of).length : 0;
  const first = (page % pages) * ON_A_PAGE;
  return html`<main class="wall" onClick=${() => unlock().then(() => turn((n) => n + 1))}>
    <header><h1>${named(live.district.name)} · ${t("wall.title")}</h1><span class="grow"></span>
      ${counts.map(([level, n]) => html`<span class="badge ${n ? level : "normal"}">${SHAPES[level]} ${ROMAN[level]} ${t(`level.${level}`)} ${n}</span>`)}
      <button type="button" class="small" onClick=${async () => { await speak(language === "zh" ? "en" : "zh"); turn((n) => n + 1); }}>${language === "zh" ? "EN" : "中"}</button>
      <span class="now">${clock(now)}</span></header>
    <div class="body"><div class="map-box"><${District} live=${live} controls=${false} size=${15} /><${Legend} /></div>
      <div class="list">${live.cases.slice(first, first + ON_A_PAGE).map((one) => html`<article class="case ${["over", "overdue"].includes(one.state) ? "" : one.level}" key=${one.ref}>
        <div class="row"><${Badge} level=${["over", "overdue"].includes(one.state) ? "normal" : one.level} /><${Drill} status=${one.message?.status} /><span class="where">${named(one.name)}</span><span class="grow"></span><span class="muted num">${ago(now - one.opened_ms)}</span></div>
        <p>${headline(one)}</p><p><${Standing} one=${one} /></p></article>`)}
        ${live.cases.length === 0 && html`<p class="empty">${t("overview.none")}</p>`}
        ${pages > 1 && html`<p class="muted">${(page % pages) + 1} / ${pages}</p>`}</div></div>
    <footer><span class="num">${day(now)}</span><span>${heard ? t("age.newest", { span: span(now - heard) }) : t("age.never")}</span><span>${t("wall.silent", { n: silent })}</span><span class="grow"></span><span>${unlocked() ? t("sound.on") : t("wall.touch")}</span></footer>
    ${worst && html`<section class="alarm ${worst.level}" role="alert"><div class="level">${SHAPES[worst.level]} ${ROMAN[worst.level]} ${t(`level.${worst.level}`)} <${Drill} status=${worst.message?.status} /></div><div class="where">${named(worst.name)}</div><div class="what">${headline(worst)}</div><div class="who">${t("wall.unanswered", { span: span(nowMs() - worst.opened_ms) })}${waiting.length > 1 ? ` · ${t("wall.more", { n: waiting.length - 1 })}` : ""}</div><div class="how">${clock(now)} · ${t("wall.answer", { code: worst.code })}</div></section>`}
    ${live.lost && html`<div class="lost" role="alert">${t("wall.lost")}</div>`}
  </main>`;
}
