// The list of runs: fresh every few seconds while something trains and someone looks.
import { freshener } from "./fresh.js";

const ask = freshener(() => ["runs"], { wait: 0, url: location.pathname });
setInterval(() => {
  const every = document.getElementById("runs")?.dataset.freshEvery;
  if (every && document.visibilityState === "visible") ask();
}, 5000);
