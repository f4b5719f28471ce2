// What the page cannot do without a script of its own: count the seconds that
// somebody has been waiting, keep a button under the finger that presses it,
// and say when the page is no longer current.
"use strict";
(function () {
  // The box's monotonic clock minus the browser's, in ms.
  let offset = Number(document.body.dataset.now) - performance.now();

  function tick() {
    for (const e of document.querySelectorAll("[data-since]")) {
      const s = Math.max(0, Math.floor((performance.now() + offset - Number(e.dataset.since)) / 1000));
      const two = (n) => String(n).padStart(2, "0");
      const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
      e.textContent = h > 0 ? h + ":" + two(m) + ":" + two(s % 60) : m + ":" + two(s % 60);
    }
  }

  const title = document.title;
  function settle() {
    const summary = document.querySelector("[data-calling]");
    const calling = summary ? Number(summary.dataset.calling) : 0;
    document.title = calling > 0 ? "(" + calling + ") " + title : title;
    tick();
  }

  // While a finger is down the calls stay as they are: a button that is
  // replaced under the finger would not hear of it.
  let down = false, held = {};
  function release() {
    down = false;
    setTimeout(function () {
      if (down) {
        return;
      }
      for (const panel of Object.keys(held)) {
        htmx.swap("#" + panel, held[panel], { swapStyle: "innerHTML" });
      }
      held = {};
      settle();
    }, 300);
  }
  document.addEventListener("pointerdown", function () { down = true; });
  document.addEventListener("pointerup", release);
  document.addEventListener("pointercancel", release);
  document.addEventListener("htmx:sseBeforeMessage", function (e) {
    if (e.detail.type === "incidents" || e.detail.type === "inbox") {
      delete held[e.detail.type];
      if (down) {
        held[e.detail.type] = e.detail.data;
        e.preventDefault();
      }
    }
  });
  document.addEventListener("htmx:beforeRequest", function () { held = {}; });

  // One elder or device of many is found by a few characters.
  document.addEventListener("input", function (e) {
    if (e.target.matches(".filter")) {
      const plain = (s) => s.toLowerCase().replace(/\s/g, "");
      for (const b of document.querySelectorAll("[data-filtered] > *")) {
        b.hidden = !plain(b.textContent).includes(plain(e.target.value));
      }
    }
  });

  document.addEventListener("htmx:sseMessage", function (e) {
    if (e.detail.type === "clock") {
      offset = Number(e.detail.data) - performance.now();
    }
    settle();
  });
  document.addEventListener("htmx:afterSwap", settle);
  document.addEventListener("htmx:sseOpen", function () { document.body.classList.remove("stale"); });
  document.addEventListener("htmx:sseError", function () { document.body.classList.add("stale"); });
  document.addEventListener("htmx:sendError", function () { document.body.classList.add("stale"); });
  setInterval(tick, 1000);
  settle();
})();
