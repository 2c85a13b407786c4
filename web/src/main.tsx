import "./lib/locale.ts"; // before all that asks for a language
import { render } from "preact";
import { startCounting } from "./alerts/alert-store.ts";
import { startLive } from "./api/event-stream.ts";
import { start } from "./api/session.ts";
import { App } from "./app.tsx";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/over.css";
import "./styles/shell.css";
import "./styles/job-list.css";
import "./styles/upload.css";
import "./styles/options.css";

render(<App />, document.getElementById("page") as HTMLElement);
startLive();
startCounting();
void start();
