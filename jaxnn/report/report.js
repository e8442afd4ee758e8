// Everything can be read without this: it moves the thresholds.
for (const panel of document.querySelectorAll("[data-sweep]")) {
  const sweep = JSON.parse(panel.dataset.sweep);
  const slider = panel.querySelector("input");
  const said = panel.querySelector("output");
  const cursor = panel.querySelector(".cursor");
  const percent = (share) => (share === null ? "–" : (share < 1 ? Math.min(100 * share, 99.9) : 100).toFixed(1).replace(/\.0$/, "") + " %");
  const show = () => {
    const threshold = Number(slider.value);
    let at = 0;
    while (at + 1 < sweep.t.length && sweep.t[at + 1] <= threshold) at += 1;
    const f1 = sweep.f[at].toFixed(3);
    said.textContent =
      `above ${threshold.toFixed(2)}: precision ${percent(sweep.p[at])}, recall ${percent(sweep.r[at])}, F1 ${f1}`;
    const x = sweep.left + threshold * (sweep.right - sweep.left);
    cursor.setAttribute("d", cursor.getAttribute("d").replace(/^M[\d.]+/, `M${x}`));
  };
  slider.parentElement.hidden = false;
  slider.addEventListener("input", show);
}
