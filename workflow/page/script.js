"use strict";
(() => {
  const dialog = document.getElementById("large");
  const shown = dialog.querySelector("img");
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.zoom");
    if (!button) return;
    const image = button.querySelector("img");
    shown.src = image.src;
    shown.alt = image.alt;
    shown.classList.toggle("pixels", !button.closest(".paper"));
    dialog.querySelector("p").textContent = image.alt;
    dialog.showModal();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  const controls = document.getElementById("controls");
  if (!controls) return;
  const scores = JSON.parse(document.getElementById("scores").textContent);
  const list = document.getElementById("image-list");
  const entries = Array.from(list.children);
  const count = document.getElementById("count");
  const choice = (name) => controls.elements[name].value;
  const format = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3).replace(/^0/, "");

  function gainOf(entry) {
    const [first, second] = ["first", "second"].map((name) => scores[entry.dataset.image][choice(name)][choice("measure")]);
    return first === null || second === null ? null : second - first;
  }

  function update() {
    const order = choice("order"), held = choice("held");
    const rows = entries.map((entry) => ({ entry, gain: gainOf(entry) }));
    const sign = order === "loss" ? 1 : -1;
    rows.sort((a, b) => {
      if (order === "name") return a.entry.dataset.image < b.entry.dataset.image ? -1 : 1;
      if (a.gain === null || b.gain === null) return (a.gain === null) - (b.gain === null);
      return sign * (a.gain - b.gain);
    });
    let visible = 0;
    for (const { entry, gain } of rows) {
      const badge = entry.querySelector(".gain");
      badge.textContent = gain === null ? "no such class in it" : format(gain);
      badge.className = "gain" + (gain > 0 ? " up" : gain < 0 ? " down" : "");
      entry.hidden = held !== "" && !JSON.parse(entry.dataset.classes).includes(held);
      visible += !entry.hidden;
      list.append(entry);
    }
    count.textContent = visible + (visible === 1 ? " image" : " images") + " shown";
  }

  controls.hidden = false;
  controls.addEventListener("change", update);
  controls.addEventListener("submit", (event) => event.preventDefault());
  update();
})();
