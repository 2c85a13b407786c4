import { CurlLine } from "../ui/curl.tsx";

/** How images are sent to a stream. */
export function PushLine({ stream }: { stream: string }) {
  return (
    <>
      <p>Any program can send JPEG images, one per request:</p>
      <CurlLine
        open
        method="POST"
        path={`/api/v1/streams/${stream}/frames`}
        file={{ name: "image.jpg", type: "image/jpeg" }}
      />
    </>
  );
}
