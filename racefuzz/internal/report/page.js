"use strict";
// Steps through the table: everything shown is read from its rows.
(() => {
  const byId = id => document.getElementById(id);
  const rows = [...document.querySelectorAll("tbody tr")];
  const last = rows.length - 1;
  const invariant = byId("invariant").dataset;
  const broken = Number(invariant.step || 0);
  const first = rows.findIndex(row => row.classList.contains("first"));
  const second = rows.findIndex(row => row.classList.contains("second"));
  let at = 0;

  function element(name, text, className) {
    const e = document.createElement(name);
    e.textContent = text;
    if (className) e.className = className;
    return e;
  }

  // notes returns what is to be said of the current step beyond its text.
  function notes() {
    const said = [];
    if ("preempted" in rows[at].dataset) said.push(rows[at - 1].dataset.actor + " could have gone on.");
    if (at > 0 && (at === first || at === second)) {
      said.push("Critical pair: swapped with step " + (first + second - at) + ", the case passes.");
    }
    return said;
  }

  function describe(row) {
    const what = document.createElement("b");
    if (at === 0) {
      what.textContent = "start";
    } else {
      what.append(element("span", "Step " + at + ": ", "hidden"),
        element("i", row.dataset.actor, row.dataset.color), " " + row.dataset.text);
    }
    byId("now").replaceChildren(what, ...notes().map(text => element("em", text)));
    if (row.dataset.detail) what.after(element("code", row.dataset.detail));
  }

  function state(id, row) {
    const before = at > 0 ? rows[at - 1].dataset[id] : row.dataset[id];
    byId(id).textContent = row.dataset[id] || "nobody";
    byId(id).classList.toggle("changed", before !== row.dataset[id]);
  }

  function judgement() {
    if (!broken) return "No invariant is broken.";
    if (at < broken) return invariant.name + " holds so far: " + invariant.meaning + ".";
    return (at === broken ? "Breaks " : "Step " + broken + " broke ") +
      invariant.name + ", " + invariant.meaning + ": " + invariant.reason + ".";
  }

  function judge() {
    const p = byId("invariant"), text = judgement();
    p.classList.toggle("broken", broken > 0 && at >= broken);
    if (p.textContent !== text) p.textContent = text;
  }

  function show(step) {
    const focused = rows[at].contains(document.activeElement);
    rows[at].classList.remove("current");
    rows[at].removeAttribute("aria-current");
    rows[at].querySelector("a").tabIndex = -1;
    at = Math.min(Math.max(step, 0), last);
    const row = rows[at], link = row.querySelector("a");
    row.classList.add("current");
    row.setAttribute("aria-current", "step");
    link.tabIndex = 0;
    if (focused) link.focus({preventScroll: true});
    (row.querySelector(".moves") || row).scrollIntoView({block: "nearest", inline: "nearest"});
    byId("at").textContent = at + " / " + last;
    byId("slider").value = at;
    describe(row);
    state("file", row);
    state("lock", row);
    judge();
    for (const button of document.querySelectorAll("button")) {
      const end = button.dataset.to === "first" || button.dataset.to === "back" ? 0 : last;
      button.setAttribute("aria-disabled", at === end); // disabled would lose the focus
    }
  }

  const moves = {first: () => 0, back: () => at - 1, on: () => at + 1, last: () => last};
  const keys = {
    ArrowDown: moves.on, ArrowRight: moves.on, j: moves.on,
    ArrowUp: moves.back, ArrowLeft: moves.back, k: moves.back,
    Home: moves.first, End: moves.last,
    b: () => broken || at, c: () => first > 0 ? first : at,
  };

  document.addEventListener("keydown", e => {
    if (e.altKey || e.ctrlKey || e.metaKey || !Object.hasOwn(keys, e.key)) return;
    e.preventDefault();
    show(keys[e.key]());
  });
  for (const button of document.querySelectorAll("button")) {
    button.addEventListener("click", () => show(moves[button.dataset.to]()));
  }
  byId("slider").addEventListener("input", e => show(Number(e.target.value)));
  document.addEventListener("click", e => {
    const link = e.target.closest("a[href^='#s']");
    const row = link ? byId(link.hash.slice(1)) : e.target.closest("tbody tr");
    if (row) show(rows.indexOf(row));
  });
  const follow = () => show(Number(location.hash.replace("#s", "")) || 0);
  window.addEventListener("hashchange", follow);
  follow();
})();
