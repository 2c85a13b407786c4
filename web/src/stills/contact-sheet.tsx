// Frames of a video side by side, to be looked at and downloaded.
import { useEffect, useState } from "preact/hooks";
import { request, url } from "../api/client.ts";
import { ApiError, explain } from "../api/errors.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Choice } from "../ui/fields.tsx";
import "./stills.css";

const SIZES = ["3", "4", "6", "10"] as const;
const WIDTH = 1920;
/** The service answers after 15 s at the latest; what takes longer is there at a later request. */
const MOST_TRIES = 8;
const AGAIN_MS = 2000;

interface Props {
  video: string;
  name: string;
  onClose(): void;
}

export function ContactSheet({ video, name, onClose }: Props) {
  const [size, setSize] = useState("4");
  const [made, setMade] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const off = new AbortController();
    let address = "";
    setMade(null);
    setProblem("");
    load(video, size, off.signal)
      .then((picture) => {
        if (off.signal.aborted) return;
        address = URL.createObjectURL(picture);
        setMade(address);
      })
      .catch((error) => off.signal.aborted || setProblem(explain(error)));
    return () => {
      off.abort();
      URL.revokeObjectURL(address);
    };
  }, [video, size]);
  const actions = made && (
    <a class="button primary" href={made} download={`${stem(name)} ${size}x${size}.jpg`}>
      Download JPEG
    </a>
  );
  return (
    <Dialog title={`Contact sheet of ${name}`} onClose={onClose} actions={actions} wide>
      <Choice
        label="Frames"
        choices={SIZES.map((one) => [one, `${one} × ${one}`] as const)}
        value={size}
        onChange={setSize}
      />
      {made && <img class="contact-sheet" src={made} alt={`Frames of ${name} with their times`} />}
      {!made && !problem && (
        <p class="soft" role="status">
          The frames are being decoded…
        </p>
      )}
      {problem && (
        <p class="error-text" role="alert">
          The contact sheet could not be made: {problem}
        </p>
      )}
    </Dialog>
  );
}

async function load(video: string, size: string, signal: AbortSignal): Promise<Blob> {
  const path = url(`/api/v1/videos/${video}/contact-sheet`, { columns: size, rows: size, width: WIDTH });
  for (let tries = 1; ; tries++) {
    try {
      return await (await request("GET", path, { signal })).blob();
    } catch (error) {
      const later = error instanceof ApiError && (error.status === 503 || error.status === 429);
      if (!later || tries === MOST_TRIES || signal.aborted) throw error;
    }
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

/** A file's name without its ending. */
function stem(name: string): string {
  return name.replace(/\.[^.]*$/, "") || name;
}
