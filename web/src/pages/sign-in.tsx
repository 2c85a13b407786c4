import { useRef, useState } from "preact/hooks";
import { explain } from "../api/errors.ts";
import { signIn } from "../api/session.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Mark } from "../ui/icons.tsx";

const LEAST = 12;
const NAME = /^[A-Za-z0-9._@+-]{3,64}$/;

/** Sign in or register. */
export function SignIn() {
  const [how, setHow] = useState<"login" | "register">("login");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const form = useRef<HTMLFormElement>(null);
  const making = how === "register";
  const wrongName = NAME.test(name)
    ? undefined
    : "Enter 3 to 64 letters or digits; dots, dashes, underscores, + and @ are allowed too.";
  // Older passwords may be shorter; the service checks for common ones.
  const least = making ? LEAST : 1;
  const wrongPassword =
    password.length >= least && password.length <= 256
      ? undefined
      : making
        ? `Enter at least ${LEAST} characters.`
        : "Enter your password.";
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    setError("");
    if (wrongName || wrongPassword) {
      form.current?.querySelector<HTMLInputElement>(wrongName ? "[name=username]" : "[name=password]")?.focus();
      return;
    }
    setBusy(true);
    try {
      await signIn(how, name, password);
    } catch (caught) {
      setError(explain(caught));
      setBusy(false);
    }
  };
  const other = () => {
    setHow(making ? "login" : "register");
    setTried(false);
    setError("");
  };
  return (
    <main class="sign-in" id="main">
      <div class="sign-in-head">
        <Mark />
        <h1 tabIndex={-1}>Web-Detector</h1>
        <p class="soft">Upload a video and see what is in it.</p>
      </div>
      <form class="card" ref={form} onSubmit={submit} noValidate>
        <h2>{making ? "Create an account" : "Sign in"}</h2>
        <Field label="Username" error={tried ? wrongName : undefined}>
          {(ties) => (
            <input
              {...ties}
              name="username"
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
              required
              value={name}
              onInput={(event) => setName(event.currentTarget.value.trim())}
            />
          )}
        </Field>
        <Field
          label="Password"
          hint={making ? `At least ${LEAST} characters` : ""}
          error={tried ? wrongPassword : undefined}
        >
          {(ties) => (
            <div class="with-button">
              <input
                {...ties}
                name="password"
                type={(shown ? "text" : "password") as "password"}
                autocomplete={making ? "new-password" : "current-password"}
                required
                value={password}
                onInput={(event) => setPassword(event.currentTarget.value)}
              />
              <Button kind="quiet" aria-pressed={shown} aria-label="Show the password" onClick={() => setShown(!shown)}>
                {shown ? "Hide" : "Show"}
              </Button>
            </div>
          )}
        </Field>
        {error && (
          <p class="error-text" role="alert">
            {error}
          </p>
        )}
        <Button kind="primary" type="submit" busy={busy} class="whole">
          {making ? "Create account" : "Sign in"}
        </Button>
        <p class="other-way">
          {making ? "Already have an account?" : "New here?"}{" "}
          <Button kind="quiet" onClick={other}>
            {making ? "Sign in" : "Create an account"}
          </Button>
        </p>
      </form>
      <p class="soft">
        For developers: <a href="/docs">API reference</a>
      </p>
    </main>
  );
}
