// The options of a job. The form, its checks, the request and the description of a job are all made from this table:
// a new option is one entry here. Names, types, bounds and defaults are those of `Options` in api/openapi.yaml.
//
// type      "time": milliseconds in the API, "1:02.5" in the form; "region": x1, y1, x2, y2 from 0 to 1 of the frame;
//           "choice": the default, or one of `choices`
// default   what the service uses when the option is left out; null for "not set"
// step      of the number field
// initial   the number to start from where the default is null
// group     at most one option of a group can be set
// scope     "video": asked only for one known video, not for all new ones
// needs     a property that the model must have
// without   an option that cannot be set together with it
// stream    name of the same option of a live stream (`StreamOptions`), which has no others
export const OPTION_TABLE = [
  {
    name: "min_score",
    type: "number",
    minimum: 0.01,
    maximum: 1,
    step: 0.01,
    default: 0.35,
    stream: "min_score",
    label: "Minimum confidence",
    help: "Lower values find more objects, but also more false detections. You can raise it later, in the results.",
  },
  {
    name: "labels",
    type: "labels",
    default: null,
    stream: "labels",
    label: "Labels",
    help: "Labels to detect; all labels of the model if empty.",
  },
  {
    name: "masks",
    type: "boolean",
    default: false,
    needs: "masks",
    without: "frames",
    label: "Masks",
    help: "Also compute the outline of each object; included in the exports.",
  },
  {
    name: "frames",
    type: "choice",
    default: "all",
    group: "sampling",
    choices: [
      {
        value: "fine",
        label: "Fine",
        help: "Every 0.4 s while something changes; the boxes in between are filled in. Misses least of these three.",
      },
      {
        value: "balanced",
        label: "Balanced",
        help: "Every 0.8 s; faster. May miss what is visible for less time than that.",
      },
      {
        value: "coarse",
        label: "Coarse",
        help: "Every 1.2 s; the fastest. May miss brief appearances, and boxes of fast objects may be off.",
      },
    ],
    label: "Frames to detect in",
  },
  {
    name: "every_n",
    type: "integer",
    minimum: 1,
    maximum: 1000000,
    step: 1,
    default: null,
    initial: 5,
    group: "sampling",
    label: "One in every N frames",
    help: "Process only every N-th frame.",
  },
  {
    name: "sample_fps",
    type: "number",
    minimum: 0.001,
    maximum: 1000,
    step: "any",
    default: null,
    initial: 5,
    group: "sampling",
    stream: "max_fps",
    label: "Maximum frames per second",
    help: "Process at most this many frames per second of video.",
  },
  {
    name: "start_ms",
    type: "time",
    default: null,
    scope: "video",
    label: "Start",
    help: "Minutes:seconds; empty for the start of the video",
  },
  {
    name: "end_ms",
    type: "time",
    default: null,
    scope: "video",
    label: "End",
    help: "Minutes:seconds; empty for the end of the video",
  },
  {
    name: "region",
    type: "region",
    default: null,
    scope: "video",
    stream: "region",
    label: "Region",
    help: "Only objects inside the region are detected.",
  },
] as const;

export type OptionEntry = (typeof OPTION_TABLE)[number];
export type OptionName = OptionEntry["name"];
export type Region = [number, number, number, number];

type ChoiceEntry = Extract<OptionEntry, { type: "choice" }>;
export type Choice = ChoiceEntry["default"] | ChoiceEntry["choices"][number]["value"];

interface ApiTypes {
  number: number | null;
  integer: number | null;
  boolean: boolean;
  labels: string[] | null;
  time: number | null;
  region: Region | null;
  choice: Choice;
}

/** The options of a job as the API has them. */
export type Options = { [E in OptionEntry as E["name"]]?: ApiTypes[E["type"]] };

/** The minimum confidence of a job that does not set it. */
export const DEFAULT_MIN_SCORE: number = OPTION_TABLE[0].default;
