// Keys, theme, live pages. Everything works without this file but these.
(() => {
  "use strict";
  const typing = (el) => el && (el.isContentEditable || (/^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName) && !/^(checkbox|radio)$/.test(el.type)));
  const visible = (el) => el.checkVisibility ? el.checkVisibility() : el.offsetParent !== null;
  const byKey = (key) => [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((el) => visible(el) && !el.disabled);
  let busy = false;
  let going = 0;

  function onKey(event) {
    const target = event.target;
    if (event.key === "Escape") return escape(target, event);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const save = target.closest?.("form")?.querySelector("[data-save]");
      if (save) { event.preventDefault(); save.click(); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(target) || document.querySelector("dialog[open]")) return;
    if (busy) { event.preventDefault(); return; }
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (Date.now() - going < 1200) {
      going = 0;
      const link = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (key === "g") { going = Date.now(); return; }
    const field = document.querySelector(`[data-focus="${CSS.escape(key)}"]`);
    if (field && visible(field)) { event.preventDefault(); field.focus(); field.select(); return; }
    const el = byKey(key);
    if (!el) return;
    event.preventDefault();
    el.click();
    enter(el.closest("details.pop")); // now: the toggle event comes later, and the next keys would go past the field
  }

  function enter(pop) {
    if (pop?.open) pop.querySelector(".menu :is(.choice, input:not([type=hidden]), button)")?.focus();
  }

  function escape(target, event) {
    const open = document.querySelector("details.pop[open]");
    if (open) { open.open = false; event.preventDefault(); return; }
    const cancel = (target.closest?.("form") ?? document).querySelector("[data-escape]");
    if (cancel) { event.preventDefault(); cancel.click(); return; }
    if (typing(target)) target.blur();
  }

  function onClick(event) {
    const el = event.target.closest("[data-open],[data-theme-switch]");
    for (const pop of document.querySelectorAll("details.pop[open]")) if (!pop.contains(event.target)) pop.open = false;
    if (!el) return;
    if (el.dataset.open) document.getElementById(el.dataset.open)?.showModal();
    else switchTheme();
  }

  function switchTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    document.cookie = `preceptor_theme=${root.dataset.theme};path=/;max-age=31536000;samesite=lax`;
  }

  function follow() {
    const box = document.querySelector("[data-live]");
    if (!box || box.dataset.followed) return;
    box.dataset.followed = "yes";
    const stream = new EventSource(box.dataset.live);
    stream.addEventListener("progress", (e) => { if (box.isConnected) box.innerHTML = e.data; else stream.close(); });
    stream.addEventListener("ended", () => { stream.close(); renew(); });
  }

  // The page made anew, but for what it says once: loaded again as a whole it would lose "Asked to stop".
  async function renew() {
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    const main = page.getElementById("main");
    if (!main) return location.reload();
    const told = page.getElementById("notices");
    if (told?.childElementCount) document.getElementById("notices").replaceWith(told);
    document.getElementById("main").replaceWith(main);
    htmx.process(main);
  }

  // Both replies as they come. Text only: what a model writes is never markup.
  function tryLive() {
    const box = document.querySelector("[data-try]");
    if (!box || box.dataset.followed) return;
    box.dataset.followed = "yes";
    const stream = new EventSource(box.dataset.try);
    const side = (name) => box.querySelector(`[data-side="${name}"]`);
    const over = (el, problem) => { if (!el) return; el.classList.remove("coming"); if (problem) { el.classList.add("problem"); el.textContent += problem; } };
    stream.addEventListener("said", (e) => { const d = JSON.parse(e.data), el = side(d.side); if (el) el.textContent += d.text; });
    stream.addEventListener("over", (e) => { const d = JSON.parse(e.data); over(side(d.side), d.problem); });
    stream.addEventListener("end", () => { stream.close(); box.dataset.over = "yes"; });
    stream.onerror = () => { stream.close(); for (const el of box.querySelectorAll(".coming")) over(el, "The connection broke off."); box.dataset.over = "yes"; };
  }

  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  document.addEventListener("change", (e) => {
    const file = e.target.dataset?.into && e.target.files?.[0];
    if (file) file.text().then((text) => { e.target.form.elements[e.target.dataset.into].value = text; });
 if (e.target.matches("[data-submit-on-change]")) e.target.form.requestSubmit(); });
  document.addEventListener("toggle", (e) => {
    if (e.target.matches("details.pop")) enter(e.target);
  }, true);
  document.addEventListener("htmx:beforeRequest", (e) => { if (e.detail.target?.id === "main") busy = true; });
  for (const name of ["htmx:afterSettle", "htmx:responseError", "htmx:sendError", "htmx:afterRequest"]) {
    document.addEventListener(name, (e) => {
      busy = false;
      if (name === "htmx:afterSettle" && e.detail.target?.id === "main") {
        document.getElementById("item")?.focus({ preventScroll: true });
        document.querySelector("#item .scroll")?.scrollTo(0, 0);
        document.querySelector(".beside [aria-current]")?.scrollIntoView({ block: "nearest" });
        follow();
      }
      if (name === "htmx:afterSettle" && e.detail.target?.id === "tried") tryLive();
      if (name === "htmx:afterSettle" && e.detail.target?.id === "rule") document.querySelector("#rule [autofocus]")?.focus();
    });
  }
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelector(".beside [aria-current]")?.scrollIntoView({ block: "nearest" });
    follow();
  });
})();
