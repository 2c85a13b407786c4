/** The answer of GET /admin/status: null where the service could not read it. */
export interface ServiceStatus {
  release: string;
  problems: Problem[];
  servers: Record<string, boolean>;
  workers: Record<string, Instance[]> | null;
  jobs: {
    by_state: Record<string, number>;
    backlog_frames: number;
    backlog_seconds: number | null;
    chunks_outstanding: number | null;
  } | null;
  streams: { by_state: Record<string, number>; wanted_fps: number; served_fps: number } | null;
  scale: Record<string, Scale> | null;
  storage: { videos_bytes: number; renditions_bytes: number; free_bytes: number | null } | null;
  result_store_bytes: number | null;
}

export interface Problem {
  alert: string;
  severity: "warning" | "critical";
  what: string;
  do: string;
}

export interface Instance {
  name: string;
  heard_seconds: number;
  models: string[];
}

export interface Scale {
  ratio: number;
  capacity_fps: number;
  detectors_wanted: number;
}
