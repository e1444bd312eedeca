"use strict";
(() => {
  const main = document.getElementById("main");
  const rows = document.getElementById("rows");
  const live = document.getElementById("live");
  const behind = Date.now() - Date.parse(main.dataset.now);
  let version = main.dataset.version;
  let source = null;

  const say = (text) => {
    if (live.textContent !== text) live.textContent = text;
  };

  const age = (seconds) => {
    if (seconds < 120) return `${Math.max(0, Math.floor(seconds))} s ago`;
    if (seconds < 7200) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} days ago`;
  };

  const refresh = () => {
    for (const element of document.querySelectorAll(".age")) {
      const at = Date.parse(element.previousElementSibling.dateTime);
      element.textContent = age((Date.now() - behind - at) / 1000);
    }
    for (const button of document.querySelectorAll(".copy[hidden]")) button.hidden = !navigator.clipboard;
  };

  const rowOf = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };

  const apply = (patch) => {
    for (const [id, html] of patch.parts) {
      const element = document.getElementById(id);
      if (element) element.innerHTML = html;
    }
    if (patch.whole && rows) rows.replaceChildren();
    for (const id of patch.gone) document.getElementById(id)?.remove();
    for (const row of patch.rows) {
      document.getElementById(row.id)?.remove();
      const after = row.after === null ? null : document.getElementById(row.after);
      if (after) after.after(rowOf(row.html));
      else rows.prepend(rowOf(row.html));
    }
    refresh();
  };

  const close = () => {
    source?.close();
    source = null;
  };

  // A session that ended leads to the login; anything else is tried again.
  const retry = async () => {
    close();
    say("Connection lost: trying again");
    try {
      const answer = await fetch(main.dataset.events, { method: "HEAD" });
      if ([401, 404].includes(answer.status)) return location.reload();
    } catch {
      // It is away.
    }
    setTimeout(open, 3000);
  };

  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(`${main.dataset.events}?since=${encodeURIComponent(version)}`);
    source.addEventListener("open", () => say("Live"));
    source.addEventListener("patch", (event) => {
      version = event.lastEventId || version;
      apply(JSON.parse(event.data));
    });
    source.addEventListener("gone", () => location.reload());
    source.addEventListener("error", retry);
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    say("Copied");
    setTimeout(() => say(source ? "Live" : ""), 2000);
  });
  // Browsers have few connections to one host: a page that nobody sees holds none.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  setInterval(refresh, 5000);
  refresh();
  open();
})();
