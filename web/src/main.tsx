import { render } from "preact";
import { App } from "./app.tsx";
import { startLive } from "./lib/live.ts";
import { start } from "./lib/session.ts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/over.css";
import "./styles/shell.css";
import "./styles/jobs.css";
import "./styles/upload.css";
import "./styles/options.css";

render(<App />, document.getElementById("page") as HTMLElement);
startLive();
void start();
