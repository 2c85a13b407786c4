import { render } from "preact";
import { App } from "./app.tsx";
import "./styles/tokens.css";

render(<App />, document.getElementById("page") as HTMLElement);
