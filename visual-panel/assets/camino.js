// The living part of «El camino»: patches the picture in place, lets events
// travel along it, and explains a part where it is clicked. Without this file
// the picture is complete and stands still.
"use strict";
{
  const SPEED = 430; // user units a second
  const STREAM = 8; // events a second from which the style sheet draws a stream
  const BURST = 12; // dots of one kind per update, at most
  const MOST = 80; // dots at once, at most
  const LATER = 1300; // ms: a message is seen to arrive before it is seen to leave
  const FADE = 180; // ms

  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const known = new Map();
  let dots = [];
  let frame = 0;
  let lastFrame = 0;
  let lastUpdate = 0;

  // The same element, made to say what the fresh one says. What the reader
  // opened stays open, and the layer of dots is nobody's but this script's.
  function patch(own, fresh) {
    if (own.hasAttribute("data-capa")) return;
    for (const { name, value } of fresh.attributes) {
      if (own.getAttribute(name) !== value) own.setAttribute(name, value);
    }
    for (const { name } of [...own.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open") own.removeAttribute(name);
    }
    const before = [...own.childNodes];
    const after = [...fresh.childNodes];
    after.forEach((node, place) => patchNode(own, before[place], node));
    before.slice(after.length).forEach((node) => node.remove());
  }

  function patchNode(parent, own, fresh) {
    if (!own) parent.append(document.importNode(fresh, true));
    else if (own.nodeName !== fresh.nodeName) own.replaceWith(document.importNode(fresh, true));
    else if (own.nodeType === Node.ELEMENT_NODE) patch(own, fresh);
    else if (own.data !== fresh.data) own.data = fresh.data;
  }

  // What has grown since the last look; counts of another process, or of
  // another source, begin anew.
  function grown(flow) {
    const key = `${flow.dataset.flujo}-${flow.dataset.indice ?? ""}`;
    const before = known.get(key);
    const now = { ...flow.dataset };
    known.set(key, now);
    const comparable = before && before.epoca === now.epoca;
    return (name) => (comparable ? Math.max(0, now[name] - before[name]) || 0 : 0);
  }

  const leg = (way, kind = "evento", from = 0, to = 1) => ({ way, kind, from, to });

  // The journeys that an update tells of: how many, along which ways, how late.
  function journeys(flow) {
    const by = grown(flow);
    const streams = flow.dataset.tasa > STREAM;
    const single = (name) => (streams ? 0 : by(name));
    const out = `publica-${flow.dataset.indice}`;
    switch (flow.dataset.flujo) {
      case "publica":
        return [
          [single("cuenta"), [leg(out), leg("enlace"), { fall: true, kind: "evento" }]],
          [by("devueltas"), [leg(out), leg(`vuelta-${flow.dataset.indice}`, "devuelto")]],
          [by("rechazadas"), [leg(out, "evento", 0, 0.5), leg(out, "rechazado", 0.5, 0.1)]],
          [by("noEnviadas"), [leg(out, "rechazado", 0.1, 0.3), leg(out, "rechazado", 0.3, 0.1)]],
          [by("desconocidas"), [leg(out, "evento", 0, 0.5), leg(out, "rechazado", 0.5, 0.4)]],
        ];
      case "consume":
        return [
          [single("cuenta"), [leg("salida"), leg("cuenta")], LATER],
          [by("repetidas"), [leg("salida", "repetido")], LATER],
          [by("otraVez"), [leg("otra-vez", "otra-vez"), { fall: true, kind: "otra-vez" }]],
        ];
      case "muerta":
        return [[by("cuenta"), [leg("muerta", "muerta"), leg("entierro", "muerta")], LATER]];
      default:
        return [];
    }
  }

  function update(section) {
    const now = performance.now();
    const span = Math.min(1500, Math.max(250, now - lastUpdate));
    lastUpdate = now;
    const planned = [...section.querySelectorAll("[data-flujo]")].flatMap(journeys);
    const svg = [...section.querySelectorAll(".camino-lienzo > svg")].find((one) => one.getClientRects().length);
    if (still.matches || document.hidden || !svg) return;
    for (const [count, legs, late = 0] of planned) {
      const shown = Math.min(count, BURST);
      for (let place = 0; place < shown; place += 1) send(svg, legs, late + (span * place) / shown);
    }
  }

  function send(svg, legs, wait) {
    if (dots.length >= MOST) return;
    dots.push({ svg, legs: [...legs], wait, way: null, gone: 0, shape: null, kind: "" });
    if (!frame) {
      lastFrame = performance.now();
      frame = requestAnimationFrame(move);
    }
  }

  function move(now) {
    const passed = Math.min(100, now - lastFrame);
    lastFrame = now;
    dots = dots.filter((dot) => step(dot, passed));
    frame = dots.length ? requestAnimationFrame(move) : 0;
  }

  function step(dot, passed) {
    if (!dot.svg.isConnected) return false;
    dot.wait -= passed;
    if (dot.wait > 0) return true;
    if (!dot.way && !enter(dot)) return fade(dot, passed);
    dot.gone += (passed / 1000) * SPEED;
    const { x, y } = dot.way.at(Math.min(dot.gone, dot.way.length));
    dot.shape.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    dot.end = { x, y };
    if (dot.gone >= dot.way.length) dot.way = null;
    return true;
  }

  // The next leg of the journey; none when it has arrived.
  function enter(dot) {
    const next = dot.legs.shift();
    if (!next) return false;
    dot.way = next.fall ? fall(dot) : along(dot.svg, next);
    dot.gone = 0;
    if (!dot.way) return enter(dot);
    dress(dot, next.kind);
    return true;
  }

  function along(svg, { way, from, to }) {
    const path = svg.querySelector(`[data-tramo="${way}"]`);
    if (!path) return null;
    const whole = path.getTotalLength();
    const at = (gone) => path.getPointAtLength(whole * from + Math.sign(to - from) * gone);
    return { at, length: whole * Math.abs(to - from) };
  }

  // From the mouth of the tank into the water.
  function fall(dot) {
    const { x, y } = dot.end;
    const length = Number(dot.svg.dataset.superficie) + 6 - y;
    return length > 0 ? { at: (gone) => ({ x, y: y + gone }), length } : null;
  }

  function dress(dot, kind) {
    if (dot.kind === kind) return;
    dot.kind = kind;
    const pattern = dot.svg.parentNode.querySelector(`[data-forma="${kind}"]`);
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
    shape.setAttribute("class", kind);
    shape.setAttribute("d", pattern.getAttribute("d"));
    dot.shape?.remove();
    dot.shape = shape;
    dot.svg.querySelector(".puntos").append(shape);
  }

  function fade(dot, passed) {
    dot.faded = (dot.faded ?? 0) + passed;
    if (dot.shape && dot.faded < FADE) {
      dot.shape.setAttribute("opacity", (1 - dot.faded / FADE).toFixed(2));
      return true;
    }
    dot.shape?.remove();
    return false;
  }

  function clear() {
    for (const dot of dots) dot.shape?.remove();
    dots = [];
  }

  document.addEventListener("relevo:parte", (event) => {
    const { actual, nueva } = event.detail;
    if (actual?.dataset.parte !== "camino" || !nueva) return;
    event.preventDefault();
    patch(actual, nueva);
    update(actual);
  });

  document.addEventListener("relevo:actualizado", (event) => {
    const now = event.detail?.ahora;
    const section = now?.closest('[data-parte="camino"]') ?? now?.querySelector('[data-parte="camino"]');
    if (section) update(section);
  });

  // Who comes back sees what happens from now on, not all that was missed.
  document.addEventListener("visibilitychange", () => {
    clear();
    known.clear();
  });
  still.addEventListener("change", clear);

  // Explanations open where the part is; without popovers the link leads to
  // the same text below the picture.
  const box = document.createElement("div");
  const title = document.createElement("h3");
  const text = document.createElement("p");
  const close = document.createElement("button");

  function buildBox() {
    box.className = "que-es";
    box.popover = "auto";
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-labelledby", "que-es-titulo");
    title.id = "que-es-titulo";
    close.type = "button";
    close.autofocus = true;
    close.textContent = "×";
    close.addEventListener("click", () => box.hidePopover());
    box.append(title, text, close);
    document.body.append(box);
  }

  function explain(link, entry) {
    if (!box.isConnected) buildBox();
    title.textContent = entry.querySelector("dt").textContent;
    text.textContent = entry.querySelector("dd").textContent;
    close.setAttribute("aria-label", document.querySelector("[data-cerrar]")?.textContent ?? "×");
    link.focus({ preventScroll: true });
    box.showPopover();
    const part = link.getBoundingClientRect();
    const own = box.getBoundingClientRect();
    const left = Math.min(part.left, innerWidth - own.width - 16);
    const below = part.bottom + 10;
    const fits = below + own.height < innerHeight - 8;
    const top = fits ? below : Math.max(8, part.top - own.height - 10);
    box.style.left = `${Math.max(16, left) + scrollX}px`;
    box.style.top = `${top + scrollY}px`;
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-que-es]");
    const entry = link && document.getElementById(`que-es-${link.dataset.queEs}`);
    const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!entry || elsewhere || !box.showPopover) return;
    event.preventDefault();
    explain(link, entry);
  });

  const first = document.querySelector('[data-parte="camino"]');
  if (first) update(first);
}
