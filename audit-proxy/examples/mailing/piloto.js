// Keeps the lists fresh, once a second, without touching what somebody types. Without
// this the page is complete, and loads itself anew every five seconds.
setInterval(async () => {
  const live = document.getElementById("vivo");
  if (document.hidden || live.contains(document.activeElement)) return;
  try {
    const text = await (await fetch("/")).text();
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("vivo");
    if (fresh && fresh.innerHTML !== live.innerHTML) live.innerHTML = fresh.innerHTML;
    document.body.classList.toggle("sin-sistema", !fresh);
  } catch {
    document.body.classList.add("sin-sistema");
  }
}, 1000);
