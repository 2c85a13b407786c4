// Runs in the page before any of its own scripts: notes when things come onto the screen, in ms since the navigation.
(() => {
  const noted = { boxes: null, plot: null, longest: 0, updates: 0 };
  window.noted = noted;
  const coloured = (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] > 200 && Math.max(data[at], data[at + 1], data[at + 2]) - Math.min(data[at], data[at + 1], data[at + 2]) > 60) return true;
    }
    return false;
  };
  let before = performance.now();
  const look = (now) => {
    noted.longest = Math.max(noted.longest, now - before);
    before = now;
    const plot = document.querySelector(".plot");
    const canvas = plot?.querySelector(".uplot canvas");
    // The lines have colours, axes and grid have none.
    if (noted.plot === null && canvas && plot.ariaLabel !== "Loading the plot" && coloured(canvas)) {
      noted.plot = performance.now();
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  new MutationObserver((changes) => {
    for (const { target, oldValue, attributeName } of changes) {
      if (attributeName === "data-boxes" && noted.boxes === null && Number(target.dataset.boxes) > 0) {
        noted.boxes = performance.now();
      }
      if (attributeName === "data-frame" && oldValue !== target.dataset.frame && target.dataset.frame !== "") {
        noted.updates += 1;
      }
    }
  }).observe(document, {
    subtree: true,
    attributes: true,
    attributeOldValue: true,
    attributeFilter: ["data-frame", "data-boxes"],
  });
})();
