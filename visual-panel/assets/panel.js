// Keeps an open page up to date: puts in what has changed of its main part, as
// the panel sends it. Without this file the page reloads itself instead.
"use strict";

// The panel sends something every second; a stream that is silent for so long
// is dead, whatever the browser thinks of it.
const SILENCE = 4000;
// How long to wait before the first attempt to open a new one, and the longest:
// each failure doubles it.
const SOON = 1000;
const LATE = 8000;
// A page without a stream of its own asks again for itself this often.
const PERIOD = 2000;
const DEADLINE = 3000;

const band = document.getElementById("sin-panel");
const bandAge = document.getElementById("sin-panel-edad");
const notice = document.getElementById("aviso");
const lang = document.documentElement.lang;
const say = (spanish, english) => (lang === "en" ? english : spanish);

let lastHeard = Date.now();
// What was heard last, while a part of it waits.
let postponed = null;

const parts = (main) => [...main.querySelectorAll("[data-parte]")];
const names = (main) => parts(main).map((part) => part.dataset.parte).join();
const ids = (main) => new Set([...main.querySelectorAll("[data-id]")].map((row) => row.dataset.id));

// Times as the panel writes them, in this browser's own zone.
const clock = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(lang, { day: "numeric", month: "short" });
const dayAndYear = new Intl.DateTimeFormat(lang, { day: "numeric", month: "short", year: "numeric" });

function localTime(at) {
  const now = new Date();
  if (at.toDateString() === now.toDateString()) return clock.format(at);
  const date = at.getFullYear() === now.getFullYear() ? day : dayAndYear;
  return `${date.format(at)} ${clock.format(at)}`;
}

function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = localTime(at);
  }
  for (const zone of root.querySelectorAll(".zona")) zone.remove();
}

// Whoever is selecting an id to copy it, is filling something in, or is about
// to let go of a button, keeps it: that part waits.
function isInUse(part) {
  const selection = document.getSelection();
  const isSelected = !selection.isCollapsed && selection.containsNode(part, true);
  return isSelected || part.querySelector("input:focus, summary:active, button:active") !== null;
}

// What tells an element from others of its kind, wherever rows come and go.
// Not its text: that says how things stand, and changes.
function identity(element) {
  const row = element.closest("[data-id]")?.dataset.id ?? "";
  const marks = ["id", "href", "name", "value", "aria-labelledby"].map((mark) => element.getAttribute(mark) ?? "");
  return JSON.stringify([row, ...marks]);
}

// The same element in what comes instead of a part; none when it is not there,
// or when it cannot be told which it is.
function counterpart(element, part, replacement) {
  if (element === part) return replacement;
  const own = identity(element);
  const alike = (root) => [...root.querySelectorAll(element.localName)].filter((one) => identity(one) === own);
  const [before, after] = [alike(part), alike(replacement)];
  return before.length === after.length ? after[before.indexOf(element)] : null;
}

// Puts it in the part's place, and leaves the reader in theirs: what they opened
// stays open, what they moved aside stays there, and the focus on the link or
// button it was on. Where that is gone it stays in the part, on nothing that
// could be pressed by mistake.
function replace(part, replacement) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const heir = focused && (counterpart(focused, part, replacement) ?? replacement);
  const moved = [...part.querySelectorAll("[tabindex]")].filter((one) => one.scrollLeft > 0);
  const aside = moved.map((one) => [counterpart(one, part, replacement), one.scrollLeft]);
  const details = replacement.querySelectorAll("details");
  part.querySelectorAll("details").forEach((own, place) => details[place]?.toggleAttribute("open", own.open));
  part.replaceWith(replacement);
  for (const [one, left] of aside) one?.scrollTo({ left, behavior: "instant" });
  if (heir === replacement) heir.tabIndex = -1;
  heir?.focus({ preventScroll: true });
}

function markNewRows(main, before) {
  if (before.size === 0) return;
  for (const row of main.querySelectorAll("[data-id]")) {
    if (!before.has(row.dataset.id)) row.classList.add("nueva");
  }
}

// Who draws a part by itself takes it over by `preventDefault`.
function isTakenOver(actual, nueva) {
  const event = new CustomEvent("relevo:parte", { cancelable: true, detail: { actual, nueva } });
  return !document.dispatchEvent(event);
}

// Whether the part is now as it should be; one in use waits.
function swap(part, replacement) {
  const source = replacement.outerHTML;
  if (part.source === source) return true;
  localize(replacement);
  if (isTakenOver(part, replacement)) {
    part.source = source;
    return true;
  }
  if (isInUse(part)) return false;
  replace(part, replacement);
  replacement.source = source;
  markNewRows(replacement, ids(part));
  document.dispatchEvent(new CustomEvent("relevo:actualizado", { detail: { antes: part, ahora: replacement } }));
  return true;
}

// Part by part, so that what is the same stays in place. Whether all could be.
function swapParts(current, next) {
  const fresh = new Map(parts(next).map((part) => [part.dataset.parte, part]));
  const swapped = parts(current).map((part) => swap(part, fresh.get(part.dataset.parte)));
  return swapped.every(Boolean);
}

// Other parts than before.
function swapWhole(current, next) {
  for (const part of parts(next)) part.source = part.outerHTML;
  localize(next);
  replace(current, next);
  document.dispatchEvent(new CustomEvent("relevo:actualizado", { detail: { antes: null, ahora: next } }));
}

// What the page says of itself, such as whether it is to be asked again.
function carryAttributes(current, next) {
  for (const name of ["data-estado", "data-repetir"]) {
    if (next.hasAttribute(name)) current.setAttribute(name, next.getAttribute(name));
    else current.removeAttribute(name);
  }
}

// Whether all of it could be shown.
function show(next) {
  const current = document.getElementById("contenido");
  const changed = current.dataset.estado !== next.dataset.estado;
  if (changed) notice.textContent = next.querySelector("[data-aviso]")?.textContent ?? "";
  carryAttributes(current, next);
  if (names(current) === names(next)) return swapParts(current, next);
  swapWhole(current, next);
  return true;
}

function mainOf(html) {
  const main = new DOMParser().parseFromString(html, "text/html").getElementById("contenido");
  // A proxy's own page may come with 200 too.
  if (!main) throw new Error("not a part of the panel");
  return main;
}

function hear(html) {
  const main = mainOf(html);
  hearLife();
  postponed = show(main) ? null : html;
}

function hearLife() {
  lastHeard = Date.now();
  showPanelBack();
}

// The panel does not say the same again, so what waited is kept here until it
// can be shown.
function catchUp() {
  if (postponed !== null && show(mainOf(postponed))) postponed = null;
}

function age(seconds) {
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
}

function showPanelAway() {
  const length = age(Math.round((Date.now() - lastHeard) / 1000));
  bandAge.textContent = say(`desde hace ${length}`, `for ${length}`);
  if (band.hidden) notice.textContent = say("El panel no responde.", "The panel does not answer.");
  band.hidden = false;
  document.body.classList.add("sin-panel");
}

function showPanelBack() {
  if (!band.hidden) notice.textContent = say("El panel responde de nuevo.", "The panel answers again.");
  band.hidden = true;
  document.body.classList.remove("sin-panel");
}

// A stream, taken up again after whatever ended it: a cut, an answer that is
// none, such as a proxy's 502, or silence. The browser by itself would do so
// after the first only.
function follow(page) {
  let stream = null;
  let opened = 0;
  let wait = SOON;
  let timer = 0;
  // Since when this page could have heard something.
  let awake = Date.now();
  let watched = awake;

  const close = () => {
    clearTimeout(timer);
    stream?.close();
    stream = null;
  };
  const open = () => {
    close();
    opened = Date.now();
    // The address is relative to <base>, so it is right behind any prefix.
    stream = new EventSource(new URL(`flujo/${page}`, document.baseURI));
    stream.addEventListener("parte", (event) => {
      hear(event.data);
      wait = SOON;
    });
    stream.addEventListener("vivo", () => {
      hearLife();
      wait = SOON;
    });
    stream.addEventListener("error", openLater);
  };
  const openLater = () => {
    close();
    timer = setTimeout(open, wait);
    wait = Math.min(2 * wait, LATE);
  };
  // A hidden tab listens to nothing; it catches up when it is seen again.
  const turn = () => {
    close();
    awake = Date.now();
    wait = SOON;
    if (!document.hidden) open();
  };
  const watch = () => {
    const now = Date.now();
    // A machine that slept, or had no time, did not hear what there was.
    if (now - watched > SILENCE) awake = now;
    watched = now;
    if (document.hidden) return;
    const silence = now - Math.max(lastHeard, awake);
    if (silence > SILENCE || !band.hidden) showPanelAway();
    // Each attempt has as long to say its first word.
    if (stream && Math.min(silence, now - opened) > SILENCE) openLater();
  };
  document.addEventListener("visibilitychange", turn);
  setInterval(watch, 1000);
  turn();
}

// A page that is of one question only asks it again, while the answer may
// change; never twice at once, as a late answer would undo a newer one.
async function keepAsking() {
  if (!document.querySelector("main[data-repetir]")) return;
  if (!document.hidden) await ask();
  setTimeout(keepAsking, PERIOD);
}

async function ask() {
  try {
    const response = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(DEADLINE) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    hear(await response.text());
  } catch {
    showPanelAway();
  }
}

document.documentElement.classList.add("con-guion");
for (const part of parts(document)) part.source = part.outerHTML;
// Where times are compared with what is typed in UTC, they stay as they are.
if (document.body.dataset.horas !== "utc") localize(document);
if (document.body.dataset.flujoPagina) follow(document.body.dataset.flujoPagina);
else setTimeout(keepAsking, PERIOD);
setInterval(catchUp, 1000);
