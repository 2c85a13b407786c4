// Notes each picture of a stream's tile that comes onto the screen within some seconds: its time on the stream clock in ms,
// when it is displayed (Unix ms), and whether the boxes over it are its own.
async (tile, seconds) => {
  const video = tile.querySelector("video");
  const boxes = tile.querySelector("canvas[data-time]");
  const origin = Date.now() - performance.now();
  const end = performance.now() + 1000 * seconds;
  const seen = [];
  await new Promise((done) => {
    setTimeout(done, 1000 * seconds + 5000);
    video.requestVideoFrameCallback(function look(now, picture) {
      if (now > end) return done();
      video.requestVideoFrameCallback(look);
      // After the page's own callback for the same picture.
      queueMicrotask(() => {
        const { frame, held } = boxes.dataset;
        const own = Boolean(frame) && held === "false";
        seen.push([1000 * picture.mediaTime, origin + picture.expectedDisplayTime, own]);
      });
    });
  });
  return seen;
}
