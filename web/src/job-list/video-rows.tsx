import { useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { Video } from "../api/types.ts";
import { videoFacts } from "../job/job-text.ts";
import { bytes } from "../lib/format.ts";
import { ago } from "../lib/time-format.ts";
import { ContactSheet } from "../stills/contact-sheet.tsx";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Menu } from "../ui/menu.tsx";
import { Poster } from "../ui/poster.tsx";
import { toast } from "../ui/toast.tsx";
import type { Form } from "../upload/options.ts";
import { OptionsDialog } from "../upload/options-dialog.tsx";
import { items } from "../upload/queue.ts";
import { startJob, usual } from "../upload/start-job.ts";
import { update } from "./job-store.ts";
import { markUsed, videosWithoutJob } from "./videos-without-job.ts";

/** Stored videos that have no job. */
export function VideosWithoutJob() {
  // A video that was just uploaded gets its job in a moment.
  const own = new Set(items.value.map(({ state }) => state.value.videoId));
  const videos = videosWithoutJob.value.filter(({ id }) => !own.has(id));
  if (!videos.length) return null;
  return (
    <section aria-labelledby="videos-without-job">
      <h2 id="videos-without-job" class="section">
        Videos without a job
      </h2>
      <ul class="jobs">
        {videos.map((video) => (
          <Row video={video} key={video.id} />
        ))}
      </ul>
    </section>
  );
}

function Row({ video }: { video: Video }) {
  const [dialog, setDialog] = useState<"delete" | "options" | "sheet" | null>(null);
  const [busy, setBusy] = useState(false);
  const name = video.name || `Video ${video.id.slice(0, 8)}`;
  const start = async (form: Form = usual.value) => {
    update(await startJob(video.id, form));
    markUsed(video.id);
  };
  const press = async () => {
    setBusy(true);
    await start().catch((error) => toast(explain(error), "bad"));
    setBusy(false);
  };
  const remove = async () => {
    await api.del(`/api/v1/videos/${video.id}`);
    markUsed(video.id);
    toast(`${name} deleted`);
  };
  return (
    <li class="job">
      <span class="job-poster">
        <Poster src={video.links.poster} />
      </span>
      <div class="job-words">
        <h3>{name}</h3>
        <p class="soft">
          {[videoFacts(video.media), bytes(video.size_bytes), ago(video.created_at)].filter(Boolean).join(" · ")}
        </p>
      </div>
      <div class="job-buttons">
        <Button kind="primary" icon="play" busy={busy} onClick={press} aria-label={`Start ${name}`}>
          Start
        </Button>
        <Menu
          label={`Actions for ${name}`}
          items={[
            { icon: "sliders", text: "Start with options…", act: () => setDialog("options") },
            { icon: "film", text: "Contact sheet…", act: () => setDialog("sheet") },
            { icon: "trash", text: "Delete…", danger: true, act: () => setDialog("delete") },
          ]}
        />
      </div>
      {dialog === "options" && (
        <OptionsDialog
          title={`Options for ${name}`}
          deed="Start"
          form={usual.value}
          video={{ poster: video.links.poster }}
          durationMs={video.media?.duration_ms ?? null}
          onClose={() => setDialog(null)}
          onSave={start}
        />
      )}
      {dialog === "sheet" && <ContactSheet video={video.id} name={name} onClose={() => setDialog(null)} />}
      {dialog === "delete" && (
        <Confirm title={`Delete ${name}?`} deed="Delete" onClose={() => setDialog(null)} onConfirm={remove}>
          <p>The video is deleted permanently. This cannot be undone.</p>
        </Confirm>
      )}
    </li>
  );
}
