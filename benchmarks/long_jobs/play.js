// Plays the document's video for some seconds. What is counted of boxes is counted by watch.js.
async (seconds) => {
  const video = document.querySelector("video");
  const dropped = () => video.getVideoPlaybackQuality().droppedVideoFrames;
  const picture = () =>
    new Promise((done) => video.requestVideoFrameCallback((now, about) => done({ now, about })));
  video.currentTime = 0;
  await video.play();
  await new Promise((done) => setTimeout(done, 1000));
  let told = 0;
  let last = await picture();
  const first = last;
  const before = { updates: noted.updates, dropped: dropped() };
  noted.longest = 0;
  while (last.now - first.now < 1000 * seconds && !video.ended) {
    last = await picture();
    told += 1;
  }
  // The page's own callback for this picture has run; what it changed is counted in the next turn.
  await new Promise((done) => setTimeout(done));
  const lasted = (last.now - first.now) / 1000;
  const presented = last.about.presentedFrames - first.about.presentedFrames;
  const updates = noted.updates - before.updates;
  video.pause();
  return {
    presented: presented / lasted,
    told: told / lasted,
    updates: updates / lasted,
    dropped: dropped() - before.dropped,
  };
}
