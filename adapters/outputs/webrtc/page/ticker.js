// Ticks where no browser throttles timers: those of a tab in the background run once a second.
setInterval(() => postMessage(0), 10);
