export interface ServerEvent {
  event: string;
  data: string;
  /** The last event id so far, including this event. */
  id: string;
}

/** Incremental parser of an event stream (Server-Sent Events). */
export class EventParser {
  id = "";
  private rest = "";
  private event = "";
  private data: string[] = [];

  /** The events that are complete with this part of the text. */
  push(piece: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    // A CR at the end may be the first half of CRLF.
    const text = this.rest + piece;
    const held = text.endsWith("\r") ? 1 : 0;
    const lines = text.slice(0, text.length - held).split(/\r\n|\n|\r/);
    this.rest = (lines.pop() ?? "") + text.slice(text.length - held);
    for (const line of lines) {
      if (line !== "") this.field(line);
      else this.flush(events);
    }
    return events;
  }

  private flush(events: ServerEvent[]): void {
    if (this.data.length) events.push({ event: this.event || "message", data: this.data.join("\n"), id: this.id });
    this.event = "";
    this.data = [];
  }

  private field(line: string): void {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.data.push(value);
    else if (name === "event") this.event = value;
    else if (name === "id" && !value.includes("\0")) this.id = value;
  }
}
